#include "backfill/progress.h"

#include <cmath>

namespace weir::backfill {
namespace {

constexpr std::chrono::seconds kWindow{10};

std::string with_separators(int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3) digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

}  // namespace

void ProgressMeter::take(const Progress& progress, TimePoint now) {
  samples_.push_back({progress, now});
  while (samples_.size() > 2 && samples_.front().time < now - kWindow) samples_.pop_front();
}

double ProgressMeter::rows_per_second() const {
  if (samples_.size() < 2) return 0;
  const std::chrono::duration<double> elapsed = samples_.back().time - samples_.front().time;
  if (elapsed.count() <= 0) return 0;
  return static_cast<double>(samples_.back().progress.rows_done - samples_.front().progress.rows_done) / elapsed.count();
}

std::optional<std::chrono::seconds> ProgressMeter::time_left() const {
  const double rate = rows_per_second();
  if (samples_.empty() || !samples_.back().progress.rows_total || rate <= 0) return std::nullopt;
  const Progress& now = samples_.back().progress;
  const double left = std::max(0.0, static_cast<double>(*now.rows_total - now.rows_done)) / rate;
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
