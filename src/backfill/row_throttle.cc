#include "backfill/row_throttle.h"

#include <algorithm>
#include <chrono>

namespace weir::backfill {

void RowThrottle::set_rows_per_second(int64_t rows) {
  std::lock_guard lock(mutex_);
  if (rows == rows_per_second_) return;
  fill();
  rows_per_second_ = rows;
  // Debts were made at another rate.
  rows_ = 0;
  changed_.notify_all();
}

int64_t RowThrottle::rows_per_second() const {
  std::lock_guard lock(mutex_);
  return rows_per_second_;
}

void RowThrottle::fill() {
  const auto now = clock_.now();
  const std::chrono::duration<double> elapsed = now - filled_at_;
  filled_at_ = now;
  const auto rate = static_cast<double>(rows_per_second_);
  rows_ = std::min(rate, rows_ + elapsed.count() * rate);
}

bool RowThrottle::take(int64_t rows, const std::stop_token& stop) {
  // Woken early by a change of the rate; looked at again by the clock otherwise.
  constexpr std::chrono::milliseconds kLook{50};
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    fill();
    if (rows_per_second_ == 0) return true;
    if (rows_ >= 0) {
      rows_ -= static_cast<double>(rows);
      return true;
    }
    changed_.wait_for(lock, stop, kLook, [] { return false; });
  }
  return false;
}

}  // namespace weir::backfill
