#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "app/services.h"
#include "backfill/hot_plan.h"
#include "backfill/job_store.h"
#include "config/pipeline_config.h"

namespace weir::app {

// A backfill into ClickHouse as a command sees it: looked at before it is made, and seen through to its end.

/// What a job would do now. Nothing is changed by asking.
struct HotJobPreview {
  backfill::HotPlan plan;
  int64_t version = 0;  ///< Of the lake's table.
  Seq hand_over{0};     ///< Rows at or below come from the job, those above from live events.
  bool hand_over_known =
      false;  ///< False: NATS does not say where ClickHouse stands; hand_over is the lake's position.
  std::optional<int64_t> rows_matching;  ///< Counted by the engine; only with a WHERE.
};

/// `spec` (without number and time) with what the pipeline file adds to it: the retention as of `now_us`.
[[nodiscard]] backfill::JobSpec completed(backfill::JobSpec spec, const TableSection& section, int64_t now_us);

/// Checks the job against the lake, and plans it. `count_rows`: also lets the engine count what a WHERE means, which
/// reads the columns it names. kInvalidArgument: the WHERE or a partition, quoted. kNotFound: the table is not in the
/// lake yet.
[[nodiscard]] Result<HotJobPreview> preview_hot_job(const engine::Engine& engine, const PipelineConfig& config,
                                                    const TableSection& section, const backfill::JobSpec& spec,
                                                    bool count_rows);

struct HotJobWatch {
  std::function<bool()> stopping;  ///< True once a signal came. Polled.
  /// A few times a second; `ours`: this process executes it. May be empty.
  std::function<void(const backfill::JobRecord& job, bool ours)> progress;
};

struct HotJobOutcome {
  backfill::JobRecord job;  ///< As it stood at the end.
  bool ours = false;        ///< This process executed it last.
};

/// Follows a job until it has ended, is paused, or `stopping`: while somebody runs the pipeline, he executes it; while
/// nobody does, this process takes the lease and does so itself, and lets the lease go when somebody comes to run the
/// pipeline. Ok also when the job failed. An error: the job is still there, and this process can neither execute nor
/// follow it. Call on the main thread (embedded servers die with it).
[[nodiscard]] Result<HotJobOutcome> see_hot_job_through(const engine::Engine& engine, const PipelineConfig& config,
                                                        const TableSection& section, backfill::JobRecord job,
                                                        Telemetry telemetry, const HotJobWatch& watch);

/// Asks for the job to be cancelled; when nobody executes it, it is at once.
[[nodiscard]] Status cancel_hot_job(const backfill::JobStore& jobs, const backfill::JobRecord& job, int64_t now_us);

}  // namespace weir::app
