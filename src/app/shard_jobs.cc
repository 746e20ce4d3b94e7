#include "app/shard_jobs.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "app/hot_parts.h"
#include "nats/kv_lease.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kLookForWork{1'000};
constexpr std::chrono::milliseconds kLook{20};
constexpr int32_t kUnitsMax = 8;  // Each holds some blocks of rows in memory.

int32_t cores() { return static_cast<int32_t>(std::thread::hardware_concurrency()); }

// "<host>:<pid>"
std::string executor_name() {
  const std::string name = nats::new_holder_name();
  return name.substr(0, name.rfind(':'));
}

}  // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  const auto deadline = std::chrono::steady_clock::now() + time;
  while (!condition()) {
    std::unique_lock lock(mutex);
    if (stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) return false;
    never.wait_for(lock, stop, std::min(time, kLook), [] { return false; });
  }
  return true;
}

int32_t parallelism_alone() { return std::clamp(cores(), 1, kUnitsMax); }

int32_t parallelism_beside_live() { return std::clamp(cores() / 2, 1, kUnitsMax); }

ShardJobs::ShardJobs(Services& services, const PipelineConfig& config, Telemetry telemetry, Epoch epoch,
                     int32_t parallelism, std::vector<JobTable> tables)
    : services_(services),
      config_(config),
      telemetry_(telemetry),
      epoch_(epoch),
      parallelism_(parallelism),
      tables_(std::move(tables)),
      jobs_(lake_objects(*services.engine, config)) {}

void ShardJobs::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    for (const JobTable& table : tables_) {
      const Status status = run_job(table, stop);
      if (status.code() == StatusCode::kFenced || status.code() == StatusCode::kShuttingDown) return;
      if (!status.ok()) {
        telemetry_.log.warn("backfills cannot be looked up",
                            {{"table", table.plan->table}, {"reason", status.to_string()}});
      }
    }
    (void)wait_until([] { return false; }, kLookForWork, stop);
  }
}

Status ShardJobs::run_job(const JobTable& table, const std::stop_token& stop) {
  const std::string& name = table.plan->table;
  WEIR_ASSIGN_OR_RETURN(auto job, jobs_.last(name));
  if (!job) return ok_status();
  const backfill::JobState state = job->state();
  if (state == backfill::JobState::kCancelled && !backfill::has_ended(job->progress.state)) {
    // Cancelled while nobody executed it: what it has pinned may go.
    job->progress.state = state;
    return jobs_.put_progress(job->spec, job->progress);
  }
  if (backfill::has_ended(state) || state == backfill::JobState::kPaused) return ok_status();
  backfill::HotJobPorts ports{.engine = *services_.engine,
                              .objects = lake_objects(*services_.engine, config_),
                              .lake_table = table.lake_table,
                              .plan = table.plan,
                              .clickhouse = {.table = table.hot_table,
                                             .key_value = *services_.key_value,
                                             .live = table.live,
                                             .quarantine =
                                                 [this, name](int32_t shard, RowId row, const std::string& reason) {
                                                   return quarantine_of(services_, config_, telemetry_, name, shard)(
                                                       row, reason);
                                                 }},
                              .clock = telemetry_.clock,
                              .log = telemetry_.log};
  backfill::HotJobOptions options;
  options.epoch = epoch_;
  options.holder = executor_name();
  options.parallelism = parallelism_;
  backfill::HotJobRunner runner(std::move(ports), std::move(options), std::move(*job));
  return runner.run(stop);
}

}  // namespace weir::app
