#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>

namespace weir::maintain {

using std::chrono::milliseconds;

/// In the order in which they run.
enum class Step : uint8_t {
  kCompact,     ///< Small files of settled partitions into large ones.
  kCheckpoint,  ///< So that readers start close to the newest version.
  kCleanLog,    ///< Log entries that no version inside the retention needs.
  kVacuum,      ///< Data files that no version inside the retention refers to, uncommitted left-overs included.
  kParts,       ///< Looks at ClickHouse's parts; changes nothing.
};

/// "compact", "checkpoint", "clean-log", "vacuum", "parts".
[[nodiscard]] std::string_view to_string(Step step);
/// Empty for any other text.
[[nodiscard]] std::optional<Step> parse_step(std::string_view text);
[[nodiscard]] std::set<Step> all_steps();

/// What has to hold of a partition before it is rewritten.
struct CompactionRules {
  int64_t target_file_bytes = int64_t{128} << 20;  ///< Of the files made. One below half of it counts as small.
  milliseconds closed_after{std::chrono::minutes(10)};  ///< Without a new file for this long, a partition is closed.
  int64_t small_files_min = 8;        ///< Settled small files that make a closed partition worth a rewrite.
  int64_t open_small_files_min = 64;  ///< The same where somebody still writes: each rewrite is soon one of many.
  int32_t partitions_per_piece = 16;  ///< Bounds one commit,
  int64_t bytes_per_piece = int64_t{256} << 20;  ///< likewise; one partition may exceed it,
  std::optional<int64_t> partition_bytes_max;    ///< unless it exceeds this: then it is left alone. Empty: no limit.
};

struct Options {
  std::set<Step> steps = all_steps();
  CompactionRules compaction;
  bool sort = false;  ///< Rewrites in z-order of the table's order_by columns.
  milliseconds retention{std::chrono::hours(168)};      ///< Age of versions that stay readable after a vacuum.
  milliseconds log_retention{std::chrono::hours(168)};  ///< Log entries are kept for this long,
  int64_t log_versions_min = 1'000;                     ///< and at least so many of them.
  bool force = false;    ///< Allows a retention below an hour. Only when nothing writes to the lake.
  bool dry_run = false;  ///< Reports what would be done; changes nothing.
};

}  // namespace weir::maintain
