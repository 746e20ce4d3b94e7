#include "app/hot_job.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

#include "app/job_shard.h"
#include "app/running_process.h"
#include "engine/query.h"
#include "pipeline/hot_position.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kWatchInterval{200};
constexpr std::chrono::milliseconds kOthersTurn{10'000};
constexpr std::chrono::seconds kSignOfLife{10};

// Empty: NATS, or ClickHouse's position in it, cannot be had.
std::optional<Seq> hot_position(const PipelineConfig& config, const std::string& table) {
  if (config.nats.embedded()) return std::nullopt;
  const auto connection = open_nats(config, "");
  if (!connection.ok()) return std::nullopt;
  const auto bucket = nats::KvBucket::open(**connection, {.bucket = "weir_" + config.pipeline.name, .replicas = 1});
  if (!bucket.ok()) return std::nullopt;
  const auto entry = (*bucket)->get(pipeline::hot_position_key(table, 0));
  if (!entry.ok()) return std::nullopt;
  const auto position = pipeline::hot_position_from_json(entry->value);
  return position.ok() && !position->provisional ? std::optional(position->hot_position) : std::nullopt;
}

Result<int64_t> count_matching(const engine::Engine& engine, const engine::Snapshot& snapshot,
                               const backfill::JobSpec& spec, Seq hand_over) {
  const std::vector<engine::QueryTable> tables = {{.name = std::string(backfill::kJobRelation), .snapshot = &snapshot}};
  WEIR_ASSIGN_OR_RETURN(const auto reader,
                        engine::query(engine, tables, "SELECT count(*)" + backfill::from_where_sql(spec, hand_over)));
  int64_t rows = 0;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const auto status = reader->ReadNext(&batch); !status.ok()) {
      return unavailable("counting rows of the lake: " + status.ToString());
    }
    if (batch == nullptr) return rows;
    if (batch->num_rows() == 0) continue;
    if (batch->column(0)->type_id() != arrow::Type::INT64) return internal_error("count(*) is no BIGINT");
    rows = static_cast<const arrow::Int64Array&>(*batch->column(0)).Value(0);
  }
}

/// Executes the job in a thread of its own whenever the lease is free, until stopped or the job has ended.
class LocalExecutor {
 public:
  LocalExecutor(Services& services, const PipelineConfig& config, const TableSection& section, Telemetry telemetry)
      : services_(services),
        config_(config),
        section_(section),
        telemetry_(telemetry),
        thread_([this](const std::stop_token& stop) { work(stop); }) {}

  [[nodiscard]] bool executing() const { return executing_; }

  /// Why it gave up; ok while it has not.
  [[nodiscard]] Status failure() const {
    std::lock_guard lock(mutex_);
    return failure_;
  }

 private:
  void work(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      const Status status = execute(stop);
      executing_ = false;
      if (status.ok() || status.code() == StatusCode::kShuttingDown) return;
      if (status.code() != StatusCode::kFenced && status.code() != StatusCode::kUnavailable) {
        std::lock_guard lock(mutex_);
        failure_ = status;
        return;
      }
      telemetry_.log.info("the backfill is left to whoever runs the pipeline", {{"reason", status.message()}});
      (void)wait_until([] { return false; }, kOthersTurn, stop);
    }
  }

  Status execute(const std::stop_token& stop) {
    WEIR_ASSIGN_OR_RETURN(const auto shard, JobShard::open(services_, config_, section_, telemetry_, stop));
    executing_ = true;
    return shard->run(stop);
  }

  Services& services_;
  const PipelineConfig& config_;
  const TableSection& section_;
  Telemetry telemetry_;
  std::atomic<bool> executing_{false};
  mutable std::mutex mutex_;
  Status failure_;       // Guarded by mutex_.
  std::jthread thread_;  // Last: it uses everything above.
};

bool shows_life(const backfill::JobRecord& job, const Clock& clock) {
  return job.progress.state == backfill::JobState::kRunning &&
         clock.unix_us() - job.progress.updated_us < std::chrono::microseconds(kSignOfLife).count();
}

bool over(const backfill::JobRecord& job) {
  return backfill::has_ended(job.state()) || job.state() == backfill::JobState::kPaused;
}

}  // namespace

backfill::JobSpec completed(backfill::JobSpec spec, const TableSection& section, int64_t now_us) {
  spec.table = section.plan.table;
  spec.created_us = now_us;
  if (section.clickhouse_retention) spec.keep_from_us = now_us - microseconds(*section.clickhouse_retention).count();
  return spec;
}

Result<HotJobPreview> preview_hot_job(const engine::Engine& engine, const PipelineConfig& config,
                                      const TableSection& section, const backfill::JobSpec& spec, bool count_rows) {
  WEIR_ASSIGN_OR_RETURN(const auto table, open_rows(engine, config, section));
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table->snapshot());
  const engine::Snapshot& version = *lake::engine_snapshot(*snapshot);
  WEIR_RETURN_IF_ERROR(backfill::check_predicate(engine, version, spec));
  WEIR_ASSIGN_OR_RETURN(const auto description, version.describe(/*with_files=*/true));
  HotJobPreview preview;
  preview.version = description.version;
  const auto position = description.txns.find(position_app_id(spec.table, 0));
  if (position != description.txns.end()) preview.hand_over = Seq{position->second};
  if (const auto hot = hot_position(config, spec.table)) {
    preview.hand_over = std::min(preview.hand_over, *hot);
    preview.hand_over_known = true;
  }
  WEIR_ASSIGN_OR_RETURN(preview.plan, backfill::plan_units(description, spec, preview.hand_over));
  if (count_rows && !spec.where.empty()) {
    WEIR_ASSIGN_OR_RETURN(preview.rows_matching, count_matching(engine, version, spec, preview.hand_over));
  }
  return preview;
}

Result<HotJobOutcome> see_hot_job_through(const engine::Engine& engine, const PipelineConfig& config,
                                          const TableSection& section, backfill::JobRecord job, Telemetry telemetry,
                                          const HotJobWatch& watch) {
  const backfill::JobStore jobs(lake_objects(engine, config));
  const bool embedded = config.nats.embedded() || (config.clickhouse && config.clickhouse->embedded());
  std::unique_ptr<Services> services;
  std::unique_ptr<LocalExecutor> executor;
  HotJobOutcome outcome{.job = std::move(job), .ours = false};
  auto next_try = telemetry.clock.now();
  while (!over(outcome.job) && !watch.stopping()) {
    Status failure = executor ? executor->failure() : ok_status();
    if (executor == nullptr && telemetry.clock.now() >= next_try) {
      next_try = telemetry.clock.now() + std::chrono::seconds(5);
      // Embedded servers belong to the process that runs them.
      if (!embedded || ask_running_process(config).empty()) {
        auto opened = open_services(config, telemetry);
        if (opened.ok()) {
          services = std::move(*opened);
          executor = std::make_unique<LocalExecutor>(*services, config, section, telemetry);
        } else {
          failure = opened.status();
        }
      }
    }
    if (!failure.ok() && !shows_life(outcome.job, telemetry.clock) && ask_running_process(config).empty())
      return failure;
    std::this_thread::sleep_for(kWatchInterval);
    auto now = jobs.read(outcome.job.spec.table, outcome.job.spec.number);
    if (now.ok()) outcome.job = std::move(*now);
    if (!now.ok() && now.status().disposition() != Disposition::kRetry) return now.status();
    outcome.ours = executor != nullptr && executor->executing();
    if (watch.progress) watch.progress(outcome.job, outcome.ours);
  }
  executor.reset();
  if (auto now = jobs.read(outcome.job.spec.table, outcome.job.spec.number); now.ok()) outcome.job = std::move(*now);
  return outcome;
}

Status cancel_hot_job(const backfill::JobStore& jobs, const backfill::JobRecord& job, int64_t now_us) {
  backfill::JobControl control = job.control;
  control.wish = backfill::JobWish::kCancel;
  WEIR_RETURN_IF_ERROR(jobs.put_control(job.spec, control));
  const bool alive = job.progress.state == backfill::JobState::kRunning &&
                     now_us - job.progress.updated_us < std::chrono::microseconds(kSignOfLife).count();
  if (alive) return ok_status();  // Its executor says so itself, within a second.
  backfill::JobProgress progress = job.progress;
  progress.state = backfill::JobState::kCancelled;
  return jobs.put_progress(job.spec, progress);
}

}  // namespace weir::app
