#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "backfill/file_input.h"
#include "base/status.h"

namespace weir::backfill {

/// The part of a text file in memory: what comes next, as far as it was asked for. Thread-compatible.
class FileWindow {
 public:
  explicit FileWindow(FileText text) : text_(std::move(text)) {}

  /// Not yet consumed. Views end with the next call of any other method.
  [[nodiscard]] std::string_view bytes() const { return std::string_view(held_).substr(begin_); }
  /// bytes() is all that is left.
  [[nodiscard]] bool ended() const { return ended_; }

  /// Makes bytes() longer, unless ended(). Errors as FileText::read.
  [[nodiscard]] Status grow();
  void consume(size_t bytes) { begin_ += bytes; }

  /// Leaves out a byte order mark. Requires: nothing was consumed yet.
  [[nodiscard]] Status skip_byte_order_mark();

  /// Length of the next line without its '\n', reading as far as needed; at most `bytes_max`, then also when the line is
  /// longer. 0 with bytes() empty: the end of the file.
  [[nodiscard]] Result<size_t> line_length(size_t bytes_max);

  /// Consumes the rest of the line with its '\n' and returns how many bytes it had. Bounded memory, any length.
  [[nodiscard]] Result<int64_t> skip_line();

  [[nodiscard]] int64_t bytes_read() const { return text_.bytes_read(); }

 private:
  FileText text_;
  std::string held_;
  size_t begin_ = 0;
  bool ended_ = false;
};

}  // namespace weir::backfill
