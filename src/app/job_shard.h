#pragma once

#include <memory>
#include <mutex>
#include <stop_token>
#include <string>

#include "app/held_lease.h"
#include "app/lease_request.h"
#include "app/services.h"
#include "app/shard_jobs.h"
#include "clickhouse/hot_table.h"
#include "config/pipeline_config.h"
#include "pipeline/hot_sink.h"

namespace weir::app {

/// Shard 0 of one table, held only to execute its backfill while nobody runs the pipeline: lease, epoch, ledgers and
/// ClickHouse are taken over as `weir run` does it, and nothing is read from the stream. The services, the
/// configuration and the telemetry must outlive it.
class JobShard {
 public:
  /// Waits for the lease of the table's stream. kShuttingDown: stopped. kNotFound: the table is not in the lake yet.
  /// kInvalidArgument: the file's plan is not the one the table has.
  [[nodiscard]] static Result<std::unique_ptr<JobShard>> open(Services& services, const PipelineConfig& config,
                                                              const TableSection& section, Telemetry telemetry,
                                                              const std::stop_token& stop);
  ~JobShard();

  /// Executes the table's unfinished job, see HotJobRunner::run(). kUnavailable: somebody came to run the pipeline; let
  /// the shard go and follow him.
  [[nodiscard]] Status run(const std::stop_token& stop);

 private:
  JobShard(Services& services, const PipelineConfig& config, const TableSection& section, Telemetry telemetry,
           std::shared_ptr<const Plan> plan);

  Status take_over(const std::stop_token& stop);
  Status check_plan();
  Status look_at_clickhouse();
  Status skip_ahead();
  Result<Seq> lake_position();

  Services& services_;
  const PipelineConfig& config_;
  const TableSection& section_;
  Telemetry telemetry_;
  const std::shared_ptr<const Plan> plan_;
  std::unique_ptr<lake::DeltaLakeTable> rows_;
  std::unique_ptr<lake::DeltaLakeTable> dead_letters_;
  std::unique_ptr<clickhouse::ClickHouseHotTable> hot_table_;
  std::unique_ptr<LeaseRequests> requests_;
  std::unique_ptr<HeldLease> lease_;
  std::mutex hot_mutex_;
  std::unique_ptr<pipeline::HotSink> hot_;  // Guarded by hot_mutex_: any thread of a job may find trouble.
  std::unique_ptr<ShardJobs> jobs_;
};

/// The lake's table as the pipeline file wants it. kNotFound: nobody has made it yet.
[[nodiscard]] Result<std::unique_ptr<lake::DeltaLakeTable>> open_rows(const engine::Engine& engine,
                                                                      const PipelineConfig& config,
                                                                      const TableSection& section);

}  // namespace weir::app
