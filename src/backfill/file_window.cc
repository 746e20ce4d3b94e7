#include "backfill/file_window.h"

#include <algorithm>

namespace weir::backfill {

Status FileWindow::grow() {
  if (ended_) return ok_status();
  if (begin_ > 0) {
    held_.erase(0, begin_);
    begin_ = 0;
  }
  const size_t before = held_.size();
  WEIR_RETURN_IF_ERROR(text_.read(&held_));
  ended_ = held_.size() == before;
  return ok_status();
}

Status FileWindow::skip_byte_order_mark() {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  while (bytes().size() < kMark.size() && !ended_) WEIR_RETURN_IF_ERROR(grow());
  if (bytes().starts_with(kMark)) consume(kMark.size());
  return ok_status();
}

Result<size_t> FileWindow::line_length(size_t bytes_max) {
  for (size_t looked_at = 0;;) {
    const size_t end = bytes().find('\n', looked_at);
    if (end != std::string_view::npos) return std::min(end, bytes_max);
    looked_at = bytes().size();
    if (ended_ || looked_at >= bytes_max) return std::min(looked_at, bytes_max);
    WEIR_RETURN_IF_ERROR(grow());
  }
}

Result<int64_t> FileWindow::skip_line() {
  for (int64_t skipped = 0;;) {
    const size_t end = bytes().find('\n');
    if (end != std::string_view::npos) {
      consume(end + 1);
      return skipped + static_cast<int64_t>(end);
    }
    skipped += static_cast<int64_t>(bytes().size());
    consume(bytes().size());
    if (ended_) return skipped;
    WEIR_RETURN_IF_ERROR(grow());
  }
}

}  // namespace weir::backfill
