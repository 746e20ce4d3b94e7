#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>

#include "base/clock.h"

namespace weir::backfill {

/// Lets at most so many rows a second through: a bucket that holds one second's worth. Whoever takes more than it holds
/// goes into its debt and waits for his turn, so blocks larger than a second's worth pass too. Thread-safe.
class RowThrottle {
 public:
  explicit RowThrottle(const Clock& clock) : clock_(clock), filled_at_(clock.now()) {}

  /// 0: no limit. May be changed while others wait.
  void set_rows_per_second(int64_t rows);
  [[nodiscard]] int64_t rows_per_second() const;

  /// Waits until `rows` may go. False when stopped.
  [[nodiscard]] bool take(int64_t rows, const std::stop_token& stop);

 private:
  void fill();

  const Clock& clock_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  int64_t rows_per_second_ = 0;
  double rows_ = 0;  // Below 0: owed.
  std::chrono::steady_clock::time_point filled_at_;
};

}  // namespace weir::backfill
