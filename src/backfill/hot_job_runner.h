#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "backfill/hot_lanes.h"
#include "backfill/hot_plan.h"
#include "backfill/hot_unit_pool.h"
#include "backfill/job_store.h"
#include "backfill/row_throttle.h"
#include "base/clock.h"
#include "engine/object_store.h"
#include "lake/delta_lake_table.h"
#include "schema/table_schema.h"
#include "telemetry/log.h"

namespace weir::backfill {

/// What a job works with. Everything borrowed outlives the runner.
struct HotJobPorts {
  const engine::Engine& engine;
  engine::ObjectStore objects;  ///< Of the lake.
  lake::DeltaLakeTable& lake_table;
  std::shared_ptr<const Plan> plan;
  HotTarget clickhouse;
  const Clock& clock;
  Logger& log;
};

struct HotJobOptions {
  Epoch epoch;                                   ///< Of the lease under which it runs.
  std::string holder;                            ///< For people: who executes.
  int32_t parallelism = 1;                       ///< Where the job does not say.
  std::chrono::milliseconds poll_interval{500};  ///< How often the job's control is read and its progress written.
  HotUnitLimits unit;
  HotBlockLimits block;
};

/// Executes one job: lake -> ClickHouse, beside live ingest, exactly once (docs/decisions/0007). What it needs to be
/// resumed anywhere is in the lake before it matters: the pin before the first INSERT, the units done at least every
/// second. A unit that was done and is not known to be is only looked at again.
///
/// Whoever runs it holds the lease of the table's shard: that keeps other executors away in ordinary times, the bulk
/// fence in all others. run() blocks; one thread.
class HotJobRunner {
 public:
  HotJobRunner(HotJobPorts ports, HotJobOptions options, JobRecord job);

  /// Until the job is done, paused, cancelled or has failed, which are all success: its progress in the lake says
  /// which. kShuttingDown: stopped; whoever comes next goes on. kFenced: a newer process has the shard.
  [[nodiscard]] Status run(const std::stop_token& stop);

 private:
  enum class Leg { kDone, kStartOver, kPaused, kCancelled };

  [[nodiscard]] Result<Leg> run_leg(const std::stop_token& stop);
  [[nodiscard]] Result<Leg> pin(const std::stop_token& stop);
  [[nodiscard]] Status try_pin(const std::stop_token& stop);
  [[nodiscard]] Result<std::shared_ptr<const LakeSnapshot>> pinned_snapshot();
  [[nodiscard]] Result<HotPlan> plan_of(const engine::TableDescription& version);
  [[nodiscard]] Result<Leg> bring(const HotUnitSource& source, const HotPlan& plan, const std::stop_token& stop);
  [[nodiscard]] Result<Leg> conclude(const std::stop_token& stop);
  [[nodiscard]] Result<std::optional<Leg>> poll();
  [[nodiscard]] Status judge_read(const HotUnit& unit, const Status& failure, int attempt);
  void unit_done(const HotPlan& plan, int64_t ordinal, int64_t rows);
  void trouble(const Status& status);
  void start_over();
  void put_progress(JobState state);
  [[nodiscard]] Status end(JobState state, const std::string& error, const std::stop_token& stop);

  const HotJobPorts ports_;
  const HotJobOptions options_;
  const JobStore jobs_;
  const JobSpec spec_;
  RowThrottle throttle_;
  HotLanes lanes_;
  std::mutex mutex_;
  JobProgress progress_;         // Guarded by mutex_.
  HotUnitPool* pool_ = nullptr;  // Of the leg that runs; run()'s thread only.
  int64_t counted_until_us_ = 0;
};

}  // namespace weir::backfill
