#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "app/services.h"
#include "backfill/hot_job_runner.h"
#include "backfill/job_store.h"
#include "clickhouse/hot_table.h"
#include "config/pipeline_config.h"

namespace weir::app {

/// One table whose backfills are executed. Everything borrowed outlives the jobs.
struct JobTable {
  std::shared_ptr<const Plan> plan;
  lake::DeltaLakeTable& lake_table;
  clickhouse::ClickHouseHotTable& hot_table;
  backfill::LivePath live;
};

/// Units in work at a time: one per core, and one per two cores if live events need them too.
[[nodiscard]] int32_t parallelism_alone();
[[nodiscard]] int32_t parallelism_beside_live();

/// Executes the backfills of a shard's tables under its lease, one at a time, whoever made them: it looks into the
/// lake. What it is given must outlive it. One thread.
class ShardJobs {
 public:
  /// `parallelism`: units in work at a time where a job does not say.
  ShardJobs(Services& services, const PipelineConfig& config, Telemetry telemetry, Epoch epoch, int32_t parallelism,
            std::vector<JobTable> tables);

  /// Looks for work every second until stopped; a job it was at stays resumable. Also ends once a newer process has the
  /// shard, which the live path notices for itself.
  void run(const std::stop_token& stop);

  /// Executes the table's unfinished job, if there is one that is not paused. Errors as HotJobRunner::run().
  [[nodiscard]] Status run_job(const JobTable& table, const std::stop_token& stop);

  [[nodiscard]] const std::vector<JobTable>& tables() const { return tables_; }

 private:
  Services& services_;
  const PipelineConfig& config_;
  Telemetry telemetry_;
  const Epoch epoch_;
  const int32_t parallelism_;
  const std::vector<JobTable> tables_;
  const backfill::JobStore jobs_;
};

/// Waits until `condition`, looked at often, at most `time`. False: it did not come about, or stopped.
[[nodiscard]] bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds time,
                              const std::stop_token& stop);

}  // namespace weir::app
