#include "maintain/retention.h"

#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>

namespace weir::maintain {
namespace {

using std::chrono::hours;

// A removed file is stamped before the commit that removes it, by as long as rewriting took.
constexpr milliseconds kStampSlack = hours(1);

int64_t hours_up(milliseconds duration) {
  return std::max<int64_t>(0, (duration + hours(1) - milliseconds(1)) / hours(1));
}

std::string text_of(milliseconds duration) { return std::to_string(hours_up(duration)) + "h"; }

std::string name_of(const PinnedVersion& pin) { return pin.by + " still reads version " + std::to_string(pin.version); }

Result<milliseconds> age_of(const PinnedVersion& pin, int64_t now_ms) {
  if (pin.committed_ms) return milliseconds(std::max<int64_t>(0, now_ms - *pin.committed_ms)) + kStampSlack;
  return unavailable(name_of(pin) + ", whose log entry is gone, so its age is not known; let the job end, or cancel it");
}

}  // namespace

Result<int64_t> vacuum_hours(const VacuumRequest& request) {
  if (request.retention < kVacuumFloor && !request.force) {
    return invalid_argument("a retention below 1h could delete files of a commit that is under way; use --retention 1h, or "
                            "--force when nothing writes to this lake");
  }
  if (request.retention > request.tombstones_kept) {
    return invalid_argument("a retention of " + text_of(request.retention) + " is longer than the table remembers removed files (" +
                            text_of(request.tombstones_kept) +
                            ", delta.deletedFileRetentionDuration); a vacuum could not tell them from left-overs");
  }
  milliseconds keep = request.retention;
  for (const PinnedVersion& pin : request.pins) {
    WEIR_ASSIGN_OR_RETURN(const milliseconds age, age_of(pin, request.now_ms));
    if (age > request.tombstones_kept) {
      return unavailable(name_of(pin) + ", which is older than the table remembers removed files (" +
                         text_of(request.tombstones_kept) + "); let the job end, or cancel it");
    }
    keep = std::max(keep, age);
  }
  return hours_up(keep);
}

Result<int64_t> log_hours(const LogRequest& request) {
  milliseconds keep = request.retention;
  if (request.kept_version_committed_ms) {
    keep = std::max(keep, milliseconds(request.now_ms - *request.kept_version_committed_ms) + kStampSlack);
  }
  for (const PinnedVersion& pin : request.pins) {
    WEIR_ASSIGN_OR_RETURN(const milliseconds age, age_of(pin, request.now_ms));
    keep = std::max(keep, age);
  }
  return hours_up(keep);
}

milliseconds parse_delta_interval(const std::string& text, milliseconds fallback) {
  struct Unit {
    std::string_view name;
    milliseconds length;
  };
  constexpr std::array kUnits = {Unit{"week", hours(168)},
                                 Unit{"day", hours(24)},
                                 Unit{"hour", hours(1)},
                                 Unit{"minute", std::chrono::minutes(1)},
                                 Unit{"second", std::chrono::seconds(1)},
                                 Unit{"millisecond", milliseconds(1)}};
  std::istringstream words(text);
  std::string interval;
  std::string unit_text;
  int64_t count = 0;
  if (!(words >> interval >> count >> unit_text) || interval != "interval" || count < 0) return fallback;
  if (unit_text.ends_with('s')) unit_text.pop_back();
  const auto unit = std::ranges::find(kUnits, std::string_view(unit_text), &Unit::name);
  return unit == kUnits.end() ? fallback : count * unit->length;
}

}  // namespace weir::maintain
