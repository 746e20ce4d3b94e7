#include "app/table_follower.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/hot_parts.h"
#include "app/lease_request.h"
#include "app/next_plan.h"
#include "config/resolve_rows.h"
#include "lake/dead_letter_table.h"
#include "lake/plan_store.h"
#include "lake/shard_positions.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kWaitForSource{200};

lake::TableDefinition definition_of(const PipelineConfig& config, const TableSection& section, const Plan& plan) {
  return lake::rows_definition(
      plan, {.pipeline = config.pipeline.name, .stream = section.source(), .shards = section.shards}, Seq{1});
}

Result<engine::TableDescription> described(lake::DeltaLakeTable& table) {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table.snapshot());
  return lake::engine_snapshot(*snapshot)->describe(/*with_files=*/false);
}

}  // namespace

TableFollower::TableFollower(Services& services, const PipelineConfig& config, TableSection section,
                             TableSection source, TableFollowerOptions options, Telemetry telemetry)
    : services_(services),
      config_(config),
      section_(std::move(section)),
      source_section_(std::move(source)),
      options_(std::move(options)),
      telemetry_(telemetry) {}

TableFollower::~TableFollower() {
  hot_.reset();
  if (lease_) lease_->let_go();
}

Result<std::unique_ptr<TableFollower>> TableFollower::open(Services& services, const PipelineConfig& config,
                                                           TableSection section, const TableSection& source,
                                                           TableFollowerOptions options, Telemetry telemetry,
                                                           const std::stop_token& stop) {
  const std::string name = section.plan.table;
  std::unique_ptr<TableFollower> follower(
      new TableFollower(services, config, std::move(section), source, std::move(options), telemetry));
  WEIR_RETURN_IF_ERROR(follower->prepare(stop).with_context("table " + name));
  return follower;
}

Status TableFollower::prepare(const std::stop_token& stop) {
  const std::string& table = section_.plan.table;
  parts_.section = &section_;
  parts_.metrics = std::make_unique<TableMetrics>(telemetry_.metrics, table, 0);
  WEIR_RETURN_IF_ERROR(choose_plan(stop));
  WEIR_RETURN_IF_ERROR(open_tables());
  WEIR_RETURN_IF_ERROR(take_lease(stop));
  // Waiting for the lease may have taken days, and whoever had it may have changed the plan.
  const std::string before = parts_.plan->id();
  WEIR_RETURN_IF_ERROR(choose_plan(stop));
  if (parts_.plan->id() != before) WEIR_RETURN_IF_ERROR(open_tables());
  WEIR_RETURN_IF_ERROR(build_transform());
  const std::string epoch_app_id = position_app_id(table, 0) + "/epoch";
  WEIR_RETURN_IF_ERROR(pipeline::LakeLedger(*parts_.lake_table, position_app_id(table, 0), epoch_).take_over().status());
  WEIR_RETURN_IF_ERROR(parts_.lake_table->grow({{epoch_app_id, epoch_.value}}).status());
  std::map<int32_t, Seq> source;
  WEIR_RETURN_IF_ERROR(look(&source));
  if (!shards_.contains(0)) {
    return data_loss("table " + section_.from_table + " holds no position of its stream: its Delta transactions were removed");
  }
  publish(source, ok_status());
  return parts_.hot_table == nullptr ? ok_status() : open_hot(stop);
}

Status TableFollower::open_hot(const std::stop_token& stop) {
  const std::string& table = parts_.plan->table;
  const Seq position = shards_.at(0).followed->position();
  parts_.hot = std::make_unique<pipeline::HotSink>(
      *parts_.hot_table, *services_.key_value,
      pipeline::HotSinkOptions{.table = table, .shard = 0, .epoch = epoch_, .lake_position = position},
      quarantine_of(services_, config_, telemetry_, table, 0));
  WEIR_RETURN_IF_ERROR(keep_start(*parts_.hot, stop));
  hot_ = std::make_unique<HotFollower>(parts_, position, telemetry_, [this](const Status& status) {
    std::lock_guard lock(mutex_);
    if (!fenced_) fenced_ = status;
    stop_.request_stop();
  });
  return ok_status();
}

// The plan in force in the source says what its rows are, not the file, which may be older or newer.
Status TableFollower::wait_for_source(const std::stop_token& stop) {
  const lake::PlanStore plans(lake_objects(*services_.engine, config_));
  while (true) {
    auto current = plans.current(section_.from_table, 0);
    if (current.ok()) {
      source_plan_ = std::move(*current);
      break;
    }
    if (current.status().code() != StatusCode::kNotFound) return current.status();
    if (!options_.wait_for_source) {
      return not_found("table " + section_.from_table + " is not in the lake yet; `weir run " + config_.file + "` makes it");
    }
    (void)wait_until([] { return false; }, kWaitForSource, stop);
    if (stop.stop_requested()) return shutting_down("stopped while waiting for table " + section_.from_table);
  }
  source_definition_ = definition_of(config_, source_section_, *source_plan_);
  auto opened = lake::DeltaLakeTable::open(*services_.engine, lake_options(config_), source_definition_);
  if (!opened.ok()) return opened.status().with_context("from_table " + section_.from_table);
  source_ = std::move(*opened);
  return ok_status();
}

// The file's SQL was checked against the file's source. Where that one does not have those columns yet, it is about to.
Status TableFollower::choose_plan(const std::stop_token& stop) {
  bool told = false;
  while (true) {
    WEIR_RETURN_IF_ERROR(wait_for_source(stop));
    section_.plan.input = input_from_rows(*source_plan_);
    const Status resolved = resolve_plan(*services_.engine, &section_.plan).with_context("sql");
    if (resolved.ok()) break;
    if (!options_.wait_for_source || source_plan_->rows == source_section_.plan.rows) return resolved;
    if (!std::exchange(told, true)) {
      telemetry_.log.info("waiting for the columns of the table that is followed",
                          {{"table", section_.plan.table}, {"reason", resolved.message()}});
    }
    (void)wait_until([] { return false; }, kWaitForSource, stop);
    if (stop.stop_requested()) return shutting_down("stopped while waiting for columns of table " + section_.from_table);
  }
  WEIR_ASSIGN_OR_RETURN(NextPlan next, next_plan(*services_.engine, config_, section_));
  parts_.plan = std::move(next.plan);
  return ok_status();
}

Status TableFollower::open_tables() {
  WEIR_ASSIGN_OR_RETURN(parts_.lake_table,
                        lake::DeltaLakeTable::open_or_create(*services_.engine, lake_options(config_),
                                                             definition_of(config_, section_, *parts_.plan)));
  WEIR_ASSIGN_OR_RETURN(
      parts_.dead_letter_table,
      lake::DeltaLakeTable::open_or_create(*services_.engine, lake_options(config_),
                                           lake::dead_letter_definition(config_.pipeline.name, parts_.plan->table)));
  if (services_.clickhouse == nullptr) return ok_status();
  WEIR_ASSIGN_OR_RETURN(parts_.hot_table, open_hot_table(services_, config_, section_, *parts_.plan, telemetry_));
  return ok_status();
}

Status TableFollower::build_transform() {
  WEIR_ASSIGN_OR_RETURN(parts_.transform.sql, engine::SqlPlan::compile(*services_.engine, input_arrow_schema(*parts_.plan),
                                                             parts_.plan->sql));
  WEIR_ASSIGN_OR_RETURN(
      derive_, transform::DerivedRows::create(parts_.plan, [sql = parts_.transform.sql.get()](
                                                               const std::shared_ptr<arrow::RecordBatch>& rows) {
        return sql->run(*rows);
      }));
  return ok_status();
}

Status TableFollower::take_lease(const std::stop_token& stop) {
  const std::string& table = parts_.plan->table;
  WEIR_ASSIGN_OR_RETURN(Epoch at_least, highest_epoch(table, *parts_.lake_table, *parts_.dead_letter_table,
                                                      parts_.hot_table.get()));
  for (lake::DeltaLakeTable* in_lake : {parts_.lake_table.get(), parts_.dead_letter_table.get()}) {
    WEIR_ASSIGN_OR_RETURN(const auto description, described(*in_lake));
    at_least = std::max(at_least, lake::highest_epoch(description.txns, table));
  }
  WEIR_ASSIGN_OR_RETURN(lease_, HeldLease::open(services_, telemetry_, lease_of(config_, section_)));
  if (const Status asked = ask_for_lease(*services_.key_value, lease_of(config_, section_).name); !asked.ok()) {
    telemetry_.log.warn("the lease cannot be asked for", {{"table", table}, {"reason", asked.to_string()}});
  }
  WEIR_ASSIGN_OR_RETURN(epoch_, lease_->take(at_least, stop));
  return ok_status();
}

// A shard of the source, old or new: its ledgers are taken over before anything is read for it.
Status TableFollower::add_shard(int32_t shard) {
  const std::string table = parts_.plan->table;
  ShardParts added;
  pipeline::LakeSinkOptions options{.table = table, .shard = shard, .epoch = epoch_};
  // Shards of files come to a table that is there already; shard 0 was made with it and must never be without its position.
  if (shard != 0) options.initial = Seq{0};
  added.lake = std::make_unique<pipeline::LakeSink>(*parts_.lake_table, std::move(options));
  added.dead_letters = std::make_unique<pipeline::DeadLetterSink>(
      *parts_.dead_letter_table, table, shard, epoch_,
      [table, shard](const std::vector<const Reject*>& rejects) { return lake::reject_batch(table, shard, rejects); });
  added.followed = std::make_unique<backfill::FollowedShard>(
      *source_, shard, *added.lake, *added.dead_letters, [this](const Slice& rows) { return derive_->apply(rows); },
      backfill::FollowOptions{.commit_bytes = std::min<int64_t>(config_.lake.target_file_bytes, 64 << 20)},
      [this](const std::vector<pipeline::SlicePtr>& slices) { committed(slices); });
  WEIR_RETURN_IF_ERROR(added.followed->resolve());
  added.resolved = true;
  WEIR_RETURN_IF_ERROR(settle_plan(*added.followed));
  shards_.emplace(shard, std::move(added));
  return ok_status();
}

// A plan takes effect at one sequence, behind everything that any sink holds. The lake fits it already; ClickHouse is made to
// fit before anything is inserted.
Status TableFollower::settle_plan(const backfill::FollowedShard& followed) {
  const int32_t shard = followed.shard();
  const Seq position = followed.position();
  const lake::PlanStore plans(lake_objects(*services_.engine, config_));
  const auto current = plans.current(parts_.plan->table, shard);
  if (current.status().code() == StatusCode::kNotFound) return plans.record(*parts_.plan, shard, position + 1);
  WEIR_RETURN_IF_ERROR(current.status());
  if ((*current)->id() == parts_.plan->id()) return ok_status();
  if (followed.dead_letter_position() > position) {
    return invalid_argument("its plan changed while its dead letters are ahead of its rows (" +
                            to_string(followed.dead_letter_position()) + " > " + to_string(position) +
                            "): run the old file once with --until-caught-up, then start with the new one");
  }
  telemetry_.log.info("a changed plan takes effect",
                      {{"table", parts_.plan->table}, {"from_seq", position.value + 1}, {"plan", parts_.plan->id()}});
  return plans.record(*parts_.plan, shard, position + 1);
}

// Where the plan that this was opened with ends in the source; empty while it is in force.
Result<std::optional<Seq>> TableFollower::end_of_source_plan() const {
  const lake::PlanStore plans(lake_objects(*services_.engine, config_));
  WEIR_ASSIGN_OR_RETURN(const auto history, plans.history(section_.from_table, 0));
  const std::string id = source_plan_->id();
  const auto ours = std::ranges::find(history, id, &lake::PlanChange::plan_id);
  if (history.empty() || history.back().plan_id == id) return std::optional<Seq>();
  // The plan after ours; one that is not there any more ended before anything that is left to take.
  if (ours == history.end()) return std::optional(Seq{0});
  return std::optional((ours + 1)->effective_from - 1);
}

}  // namespace weir::app
