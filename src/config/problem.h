#pragma once

#include <string>
#include <vector>

namespace weir {

/// One thing wrong with a pipeline file. Value type.
struct ConfigProblem {
  std::string file;
  int line = 0;         ///< 1-based; 0 when the file as a whole is meant.
  std::string key;      ///< "lake.url", "table[flights].order_by"; empty when no key is meant.
  std::string message;  ///< The value, what is wrong with it, and what to do. Never a secret.
};

/// "flights.toml:12: lake.url = \"/tmp\": ..."
[[nodiscard]] std::string to_string(const ConfigProblem& problem);

/// Collects problems of one file. Not thread-safe.
class ProblemList {
 public:
  explicit ProblemList(std::string file) : file_(std::move(file)) {}

  void add(int line, std::string key, std::string message) {
    problems_.push_back({file_, line, std::move(key), std::move(message)});
  }
  [[nodiscard]] bool empty() const { return problems_.empty(); }

  /// By line; problems of one line in the order they were found.
  [[nodiscard]] std::vector<ConfigProblem> take_sorted() &&;

 private:
  std::string file_;
  std::vector<ConfigProblem> problems_;
};

}  // namespace weir
