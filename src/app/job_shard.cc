#include "app/job_shard.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

#include "app/hot_parts.h"
#include "app/next_plan.h"
#include "lake/dead_letter_table.h"
#include "lake/plan_store.h"
#include "pipeline/lake_ledger.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kLookForRequests{500};

}  // namespace

Result<std::unique_ptr<lake::DeltaLakeTable>> open_rows(const engine::Engine& engine, const PipelineConfig& config,
                                                        const TableSection& section) {
  const lake::TableOwner owner{.pipeline = config.pipeline.name, .stream = section.source(), .shards = section.shards};
  WEIR_ASSIGN_OR_RETURN(const TableSection now, with_followed_columns(engine, config, section));
  WEIR_ASSIGN_OR_RETURN(const NextPlan next, next_plan(engine, config, now));
  auto table = lake::DeltaLakeTable::open(engine, lake_options(config), lake::rows_definition(*next.plan, owner, Seq{1}));
  if (table.status().code() != StatusCode::kNotFound) return table;
  return not_found("table " + section.plan.table + " is not in the lake yet; `weir run " + config.file + "` makes it");
}

JobShard::JobShard(Services& services, const PipelineConfig& config, const TableSection& section, Telemetry telemetry,
                   std::shared_ptr<const Plan> plan)
    : services_(services), config_(config), section_(section), telemetry_(telemetry), plan_(std::move(plan)) {}

JobShard::~JobShard() {
  if (lease_) lease_->let_go();
}

Result<std::unique_ptr<JobShard>> JobShard::open(Services& services, const PipelineConfig& config,
                                                 const TableSection& section, Telemetry telemetry,
                                                 const std::stop_token& stop) {
  WEIR_ASSIGN_OR_RETURN(const TableSection now, with_followed_columns(*services.engine, config, section));
  WEIR_ASSIGN_OR_RETURN(NextPlan next, next_plan(*services.engine, config, now));
  std::unique_ptr<JobShard> shard(new JobShard(services, config, section, telemetry, std::move(next.plan)));
  WEIR_RETURN_IF_ERROR(shard->take_over(stop).with_context("table " + section.plan.table));
  return shard;
}

Status JobShard::take_over(const std::stop_token& stop) {
  const std::string& table = plan_->table;
  WEIR_ASSIGN_OR_RETURN(rows_, open_rows(*services_.engine, config_, section_));
  WEIR_ASSIGN_OR_RETURN(
      dead_letters_, lake::DeltaLakeTable::open_or_create(*services_.engine, lake_options(config_),
                                                          lake::dead_letter_definition(config_.pipeline.name, table)));
  WEIR_RETURN_IF_ERROR(check_plan());
  WEIR_ASSIGN_OR_RETURN(hot_table_, open_hot_table(services_, config_, section_, *plan_, telemetry_));
  WEIR_ASSIGN_OR_RETURN(const Epoch at_least, highest_epoch(table, *rows_, *dead_letters_, hot_table_.get()));
  WEIR_ASSIGN_OR_RETURN(lease_, HeldLease::open(services_, telemetry_, lease_of(config_, section_)));
  // Made before the lease is ours: a request may come while both wait for it.
  requests_ = std::make_unique<LeaseRequests>(*services_.key_value, lease_of(config_, section_).name);
  WEIR_ASSIGN_OR_RETURN(const Epoch epoch, lease_->take(at_least, stop));
  // An older holder that was only paused can commit nothing any more from here on.
  const std::string app_id = position_app_id(table, 0);
  WEIR_RETURN_IF_ERROR(pipeline::LakeLedger(*rows_, app_id, epoch).take_over().status());
  WEIR_RETURN_IF_ERROR(pipeline::LakeLedger(*dead_letters_, app_id, epoch, Seq{0}).take_over().status());
  WEIR_RETURN_IF_ERROR(check_plan());  // Waiting for the lease may have taken days.
  WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position());
  hot_ = std::make_unique<pipeline::HotSink>(
      *hot_table_, *services_.key_value,
      pipeline::HotSinkOptions{.table = table, .shard = 0, .epoch = epoch, .lake_position = position},
      quarantine_of(services_, config_, telemetry_, table, 0));
  std::vector<JobTable> tables;
  tables.push_back({.plan = plan_,
                    .lake_table = *rows_,
                    .hot_table = *hot_table_,
                    .live = {.look_again = [this](const std::stop_token&) { return look_at_clickhouse(); },
                             .skip_ahead = [this](const std::stop_token&) { return skip_ahead(); }}});
  jobs_ = std::make_unique<ShardJobs>(services_, config_, telemetry_, epoch, parallelism_alone(), std::move(tables));
  return ok_status();
}

// Plans change at one sequence, when `weir run` starts; that is not for a backfill to do.
Status JobShard::check_plan() {
  const lake::PlanStore plans(lake_objects(*services_.engine, config_));
  const auto current = plans.current(plan_->table, 0);
  if (current.status().code() == StatusCode::kNotFound) return ok_status();
  WEIR_RETURN_IF_ERROR(current.status());
  if ((*current)->rows == plan_->rows && (*current)->partition_by == plan_->partition_by) return ok_status();
  return invalid_argument("the columns in " + config_.file +
                          " are not those that the table has now; start `weir run` with it first, then the backfill");
}

Result<Seq> JobShard::lake_position() {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, rows_->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto position, snapshot->txn(position_app_id(plan_->table, 0)));
  return Seq{position.value_or(0)};
}

Status JobShard::look_at_clickhouse() {
  std::lock_guard lock(hot_mutex_);
  return hot_->resolve().status();
}

Status JobShard::skip_ahead() {
  WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position());
  std::lock_guard lock(hot_mutex_);
  return position > hot_->position() ? hot_->skip_to(position) : ok_status();
}

Status JobShard::run(const std::stop_token& stop) {
  std::stop_source leave;
  const std::stop_callback stopped(stop, [&leave] { leave.request_stop(); });
  std::atomic<bool> asked{false};
  lease_->when_lost([&leave](const Status&) { leave.request_stop(); });
  Status status;
  {
    const std::jthread listener([&](const std::stop_token& done) {
      while (!done.stop_requested()) {
        if (requests_->came()) {
          asked = true;
          leave.request_stop();
          return;
        }
        (void)wait_until([] { return false; }, kLookForRequests, done);
      }
    });
    status = jobs_->run_job(jobs_->tables().front(), leave.get_token());
  }
  lease_->when_lost([](const Status&) {});
  if (const auto lost = lease_->lost()) return *lost;
  if (status.code() == StatusCode::kFenced) lease_->note_lost(status);
  return asked ? unavailable("somebody came to run the pipeline") : status;
}

}  // namespace weir::app
