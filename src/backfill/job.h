#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

// A backfill from the lake into ClickHouse as a durable job: plain values, and the JSON they are kept as below
// `_weir/jobs/` (docs/formats/lake.md).
namespace weir::backfill {

enum class JobState : uint8_t {
  kPending,    ///< Nobody works on it: not begun, or left by an executor that ended.
  kRunning,    ///< Somebody works on it, or was killed doing so: JobProgress::updated_us stands still then.
  kPaused,     ///< Asked to wait; `--resume` goes on.
  kDone,       ///< Every row it is about is in ClickHouse.
  kCancelled,  ///< Given up; what it brought stays.
  kFailed,     ///< Cannot go on: JobProgress::last_error.
};
[[nodiscard]] std::string_view to_string(JobState state);
/// Done, cancelled and failed jobs never move again.
[[nodiscard]] bool has_ended(JobState state);

enum class UnitOrder : uint8_t { kNewestFirst, kOldestFirst };

/// Which units are done: ordinals as sorted, disjoint closed ranges. Value type.
class OrdinalSet {
 public:
  void add(int64_t ordinal) { add(ordinal, ordinal); }
  void add(int64_t first, int64_t last);
  [[nodiscard]] bool contains(int64_t ordinal) const;
  [[nodiscard]] int64_t count() const;
  /// first -> last.
  [[nodiscard]] const std::map<int64_t, int64_t>& ranges() const { return ranges_; }
  friend bool operator==(const OrdinalSet&, const OrdinalSet&) = default;

 private:
  std::map<int64_t, int64_t> ranges_;
};

/// One `--partition`. Values of one column are alternatives; different columns must all hold.
struct PartitionValue {
  std::string column;
  std::string value;  ///< As Delta writes it: 2013-01-31, 7, text.
  friend bool operator==(const PartitionValue&, const PartitionValue&) = default;
};

/// What the job is about. Fixed when it is made.
struct JobSpec {
  int64_t number = 0;  ///< 1, 2, 3, ... within the table.
  std::string table;
  std::string where;  ///< SQL predicate on one row; empty: all rows.
  std::vector<PartitionValue> partitions;
  UnitOrder order = UnitOrder::kNewestFirst;
  int32_t parallelism = 0;              ///< Units in work at a time; 0: one per core, half as many beside live events.
  bool skip_ahead = false;              ///< The live path gives its backlog up to this job first.
  std::optional<int64_t> keep_from_us;  ///< Older `_time` is left out: ClickHouse's retention when the job was made.
  int64_t created_us = 0;               ///< Microseconds since 1970 UTC, as all times here.
  /// True when it is about every row of the table (within the retention).
  [[nodiscard]] bool covers_table() const { return where.empty() && partitions.empty(); }
  friend bool operator==(const JobSpec&, const JobSpec&) = default;
};

/// What the executor fixed before its first INSERT, so that whoever goes on does exactly the rest.
struct JobPin {
  int64_t version = 0;           ///< Of the lake's table; maintenance keeps its files while the job has not ended.
  std::map<int32_t, Seq> upper;  ///< By shard: rows at or below come from the job. 0 is the hand-over to live events.
  std::string clickhouse_uuid;   ///< Of the table that the rows went into; another one there means: start over.
  Seq hot_start{0};              ///< Where the live path began. A higher one later: the table was emptied; start over.
  std::string units_digest;      ///< HotPlan::digest(): ordinals count only for the plan they were given for.
  [[nodiscard]] Seq hand_over() const;
  friend bool operator==(const JobPin&, const JobPin&) = default;
};

/// How far it is. Written by its executor alone.
struct JobProgress {
  JobState state = JobState::kPending;
  Epoch epoch;         ///< Of the executor.
  std::string holder;  ///< Who executes or did so last, for people: host:pid.
  std::optional<JobPin> pin;
  int64_t units_total = 0;
  OrdinalSet done;
  int64_t files_total = 0;
  int64_t rows_total = 0;     ///< Of the units, by statistics: what the WHERE leaves out is in it.
  int64_t bytes_total = 0;    ///< Of the units, as stored.
  int64_t rows = 0;           ///< Of the units done: looked at and true in ClickHouse, whoever wrote them.
  int64_t rows_in_work = 0;   ///< Likewise, of units that are being worked on.
  int64_t rows_left_out = 0;  ///< Above the hand-over, outside the retention, or not meant by the WHERE.
  int64_t bytes = 0;          ///< Of the units done.
  int64_t started_us = 0;
  int64_t updated_us = 0;
  int64_t worked_us = 0;   ///< How long somebody worked on it, in sum.
  std::string last_error;  ///< Why it failed, or what it waits for.
  friend bool operator==(const JobProgress&, const JobProgress&) = default;
};

enum class JobWish : uint8_t { kRun, kPause, kCancel };

/// What people want of it. Written by commands alone.
struct JobControl {
  JobWish wish = JobWish::kRun;
  int64_t rows_per_second = 0;  ///< 0: as many as possible.
  friend bool operator==(const JobControl&, const JobControl&) = default;
};

struct JobRecord {
  JobSpec spec;
  JobProgress progress;
  JobControl control;
  /// What people are shown and exclusion goes by: a job that was cancelled has ended even when nobody was there to
  /// notice.
  [[nodiscard]] JobState state() const;
};

[[nodiscard]] std::string to_json(const JobSpec& spec);
[[nodiscard]] std::string to_json(const JobProgress& progress);
[[nodiscard]] std::string to_json(const JobControl& control);

// kDataLoss: not what to_json() writes; `path` is named.
[[nodiscard]] Result<JobSpec> spec_from_json(const std::string& path, std::string_view text);
[[nodiscard]] Result<JobProgress> progress_from_json(const std::string& path, std::string_view text);
[[nodiscard]] Result<JobControl> control_from_json(const std::string& path, std::string_view text);

}  // namespace weir::backfill
