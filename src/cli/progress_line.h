#pragma once

#include <string>

#include "http/status_snapshot.h"

namespace weir::cli {

/// One line at the bottom of a terminal, rewritten as things move. Writes nothing when stderr is no terminal.
class ProgressLine {
 public:
  ProgressLine();
  void show(const StatusSnapshot& snapshot);
  void show_text(const std::string& text);
  /// Ends the line, so that what follows stands below it.
  void finish();

 private:
  const bool terminal_;
  bool shown_ = false;
};

/// What the line says: "flights 336,776 events (52,110/s) lake 336,776 ClickHouse live 336,700, 12 dead | weather ...".
[[nodiscard]] std::string progress_text(const StatusSnapshot& snapshot);

/// 1234567 -> "1,234,567".
[[nodiscard]] std::string grouped(int64_t number);

}  // namespace weir::cli
