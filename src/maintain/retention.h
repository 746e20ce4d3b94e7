#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"

namespace weir::maintain {

using std::chrono::milliseconds;

/// A commit that is under way has files that no version names yet; nothing younger than this is ever deleted.
inline constexpr milliseconds kVacuumFloor = std::chrono::hours(1);

/// Looking, which is who reads what and what the time is, and deleting may lie this far apart. Whoever stood still for longer
/// in between has to look again: the hours that were enough then are not enough now, and jobs may have begun meanwhile.
inline constexpr milliseconds kStandstillMax = std::chrono::minutes(15);

/// A version that somebody still reads.
struct PinnedVersion {
  std::string by;  ///< For people: "backfill job 3".
  int64_t version = 0;
  std::optional<int64_t> committed_ms;  ///< Milliseconds since 1970 UTC; empty: its log entry is gone.
};

struct VacuumRequest {
  milliseconds retention{0};       ///< What was asked for.
  milliseconds tombstones_kept{0};  ///< How long the table remembers removed files (delta.deletedFileRetentionDuration).
  bool force = false;
  std::vector<PinnedVersion> pins;
  int64_t now_ms = 0;
};

/// Hours that a vacuum has to leave alone: the retention, or more where a pinned version is older. Whole hours, rounded up.
/// kInvalidArgument: below kVacuumFloor without force, or longer than the table remembers what was removed: then a vacuum
/// can no longer tell an old file that was removed yesterday from one that was never committed. kUnavailable: a pinned
/// version is too old for the same reason; names who holds it.
[[nodiscard]] Result<int64_t> vacuum_hours(const VacuumRequest& request);

struct LogRequest {
  milliseconds retention{0};
  std::optional<int64_t> kept_version_committed_ms;  ///< Of the oldest version to keep by number; empty: there are not so many.
  std::vector<PinnedVersion> pins;
  int64_t now_ms = 0;
};

/// Hours of log entries that a clean-up has to leave alone. kUnavailable: a pinned version whose age is not known.
[[nodiscard]] Result<int64_t> log_hours(const LogRequest& request);

/// Delta's "interval 1 week", "interval 36 hours"; `fallback` for an absent property (empty text) or one that is neither.
[[nodiscard]] milliseconds parse_delta_interval(const std::string& text, milliseconds fallback);

}  // namespace weir::maintain
