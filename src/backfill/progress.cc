#include "backfill/progress.h"

#include <cmath>

namespace weir::backfill {
namespace {

constexpr std::chrono::seconds kWindow{10};

}  // namespace

std::string with_separators(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), 1, ',');
  return digits;
}

void ProgressMeter::take(const Progress& progress, TimePoint now) {
  samples_.push_back({progress, now});
  while (samples_.size() > 2 && samples_.front().time < now - kWindow) samples_.pop_front();
}

double ProgressMeter::rows_per_second() const { return rate(&Progress::rows_done); }

double ProgressMeter::rate(int64_t Progress::*done) const {
  if (samples_.size() < 2) return 0;
  const std::chrono::duration<double> elapsed = samples_.back().time - samples_.front().time;
  if (elapsed.count() <= 0) return 0;
  return static_cast<double>(samples_.back().progress.*done - samples_.front().progress.*done) / elapsed.count();
}

std::optional<std::chrono::seconds> ProgressMeter::time_left() const {
  if (samples_.empty()) return std::nullopt;
  const Progress& now = samples_.back().progress;
  const bool by_rows = now.rows_total.has_value();
  const std::optional<int64_t> total = by_rows ? now.rows_total : now.bytes_total;
  const double per_second = rate(by_rows ? &Progress::rows_done : &Progress::bytes_done);
  if (!total || per_second <= 0) return std::nullopt;
  const int64_t done = by_rows ? now.rows_done : now.bytes_done;
  const double left = std::max(0.0, static_cast<double>(*total - done)) / per_second;
  return std::chrono::seconds(static_cast<int64_t>(std::ceil(left)));
}

std::string ProgressMeter::line() const {
  if (samples_.empty()) return "starting";
  const Progress& now = samples_.back().progress;
  std::string text = with_separators(now.rows_done);
  if (now.rows_total) text += " of " + with_separators(*now.rows_total);
  text += " rows · " + with_separators(static_cast<int64_t>(rows_per_second())) + " rows/s";
  if (const auto left = time_left()) text += " · " + std::to_string(left->count()) + " s left";
  return text;
}

}  // namespace weir::backfill
