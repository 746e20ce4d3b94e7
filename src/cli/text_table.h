#pragma once

#include <string>
#include <vector>

namespace weir::cli {

/// Rows of cells printed with aligned columns, two blanks apart; the first row is the heading. Widths count characters
/// (code points), not bytes.
class TextTable {
 public:
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  /// Every line begins with `indent`, ends without blanks, and a line end.
  [[nodiscard]] std::string render(const std::string& indent = "") const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace weir::cli
