#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace weir::backfill {

/// How far a backfill has come. Value type.
struct Progress {
  int64_t rows_done = 0;                ///< Looked at and true in the target, whoever wrote them.
  std::optional<int64_t> rows_total;    ///< Empty while it is not known.
  int64_t bytes_done = 0;               ///< Of the source, as stored there.
  std::optional<int64_t> bytes_total;
};

/// 1234567 -> "1,234,567".
[[nodiscard]] std::string with_separators(int64_t number);

/// Turns progress into rates and a time left. One thread at a time.
class ProgressMeter {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  void take(const Progress& progress, TimePoint now);

  /// Over the last 10 s; 0 before two samples.
  [[nodiscard]] double rows_per_second() const;
  /// By rows, or by bytes where the number of rows is not known. Empty while the total or the rate is not known.
  [[nodiscard]] std::optional<std::chrono::seconds> time_left() const;
  /// "1,200,000 of 10,000,000 rows · 310,000 rows/s · 28 s left"
  [[nodiscard]] std::string line() const;

 private:
  struct Sample {
    Progress progress;
    TimePoint time;
  };
  [[nodiscard]] double rate(int64_t Progress::*done) const;

  std::deque<Sample> samples_;
};

}  // namespace weir::backfill
