#include "app/stream_fill.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <set>
#include <thread>
#include <utility>

#include "app/start_position.h"
#include "lake/incarnation_store.h"
#include "nats/stream_admin.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kPollInterval{100};

// So few events are left that another round would only be overtaken by new ones.
constexpr int64_t kRestMax = 2'000;

const TableSection* find_table(const PipelineConfig& config, const std::string& table) {
  const auto found = std::find_if(config.tables.begin(), config.tables.end(),
                                  [&](const TableSection& section) { return section.plan.table == table; });
  return found == config.tables.end() ? nullptr : &*found;
}

Result<std::unique_ptr<lake::DeltaLakeTable>> open_table(const engine::Engine& engine, const PipelineConfig& config,
                                                         const TableSection& section) {
  const lake::TableOwner owner{
      .pipeline = config.pipeline.name, .stream = section.stream, .shards = section.shards};
  return lake::DeltaLakeTable::open(engine, lake_options(config), lake::rows_definition(section.plan, owner, Seq{1}));
}

}  // namespace

Result<StreamFillPlan> plan_stream_fill(const engine::Engine& engine, const PipelineConfig& config,
                                        const TableSection& section) {
  WEIR_ASSIGN_OR_RETURN(const auto connection, open_nats(config, ""));
  WEIR_ASSIGN_OR_RETURN(const auto admin, nats::StreamAdmin::open(*connection));
  StreamFillPlan plan;
  WEIR_ASSIGN_OR_RETURN(plan.stream, admin.info(section.stream));
  plan.bytes = plan.stream.bytes;
  const lake::IncarnationStore incarnations(lake_objects(engine, config));
  WEIR_ASSIGN_OR_RETURN(const auto incarnation, incarnations.current(section.stream));
  const int64_t base = incarnation ? incarnation->base : 0;
  plan.range.last = Seq{plan.stream.last_seq + base};
  const auto table = open_table(engine, config, section);
  if (table.status().code() == StatusCode::kNotFound) {
    WEIR_ASSIGN_OR_RETURN(const int64_t first, first_stream_sequence(*connection, plan.stream, section.start));
    plan.range.first = Seq{first + base};
    return plan;
  }
  WEIR_RETURN_IF_ERROR(table.status());
  plan.table_exists = true;
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, (*table)->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto position, snapshot->txn(position_app_id(section.plan.table, 0)));
  WEIR_ASSIGN_OR_RETURN(plan.counts, pipeline::running_counts(*snapshot, section.plan.table, 0));
  plan.range.first = Seq{position.value_or(0) + 1};
  return plan;
}

StreamFill::StreamFill(PipelineConfig config, Telemetry telemetry, StreamFillOptions options)
    : config_(std::move(config)), telemetry_(telemetry), options_(std::move(options)) {}

Result<std::unique_ptr<StreamFill>> StreamFill::open(const PipelineConfig& config, const std::string& table,
                                                     Telemetry telemetry, StreamFillOptions options) {
  const TableSection* section = find_table(config, table);
  if (section == nullptr) return invalid_argument("there is no table " + table + " in the file");
  if (!section->from_table.empty()) return invalid_argument("table " + table + " follows table " + section->from_table);
  PipelineConfig alone = config;
  alone.tables = {*section};
  alone.clickhouse.reset();  // It begins where the table goes live; its history comes from the lake.
  std::unique_ptr<StreamFill> fill(new StreamFill(std::move(alone), telemetry, std::move(options)));
  WEIR_ASSIGN_OR_RETURN(fill->services_, open_services(fill->config_, telemetry));
  return fill;
}

Result<StreamFillReport> StreamFill::run() {
  WEIR_RETURN_IF_ERROR(refuse_when_fed());
  const std::string& table = config_.tables.front().plan.table;
  int64_t left_before = std::numeric_limits<int64_t>::max();
  while (true) {
    const Result<int64_t> left = round();
    if (left.status().code() == StatusCode::kFenced) {
      return fenced("a running process took table " + table + " over and goes on where this left off: " +
                    left.status().message());
    }
    WEIR_RETURN_IF_ERROR(left.status());
    if (!new_columns_.empty()) continue;  // The plan ended; the next round has them.
    if (interrupted_) {
      return unavailable("stopped at sequence " + to_string(report_.position) +
                         "; the same command goes on from there, and so does `weir run`");
    }
    if (*left <= kRestMax || *left >= left_before) return report_;
    left_before = *left;
  }
}

// A process that has the table took its ledgers over under the epoch of the stream's lease. If that one is alive it would
// only be pushed out of its own table.
Status StreamFill::refuse_when_fed() {
  const TableSection& section = config_.tables.front();
  WEIR_ASSIGN_OR_RETURN(const auto ours, HeldLease::open(*services_, telemetry_, table_lease(config_, section.plan.table)));
  WEIR_ASSIGN_OR_RETURN(const auto other, ours->living_holder({}));
  if (other) {
    return conflict("table " + section.plan.table + " is being filled by another `weir backfill` right now");
  }
  WEIR_ASSIGN_OR_RETURN(const auto in_lake, epoch_in_lake());
  if (!in_lake) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto of_stream, HeldLease::open(*services_, telemetry_, stream_lease(config_, section.stream)));
  WEIR_ASSIGN_OR_RETURN(const auto running, of_stream->living_holder({}));
  if (running != in_lake) return ok_status();
  return conflict("table " + section.plan.table +
                  " is fed by the running process, which brings it everything the stream holds; there is nothing to fill");
}

Result<std::optional<Epoch>> StreamFill::epoch_in_lake() const {
  const TableSection& section = config_.tables.front();
  const auto table = open_table(*services_->engine, config_, section);
  if (table.status().code() == StatusCode::kNotFound) return std::optional<Epoch>();
  WEIR_RETURN_IF_ERROR(table.status());
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, (*table)->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto epoch, snapshot->txn(position_app_id(section.plan.table, 0) + "/epoch"));
  return epoch ? std::optional(Epoch{*epoch}) : std::optional<Epoch>();
}

// Takes the table to the end that the stream has now; how many sequences there are behind that afterwards.
Result<int64_t> StreamFill::round() {
  const TableSection& section = config_.tables.front();
  std::stop_source stop;
  std::set<std::string> told_fields;
  std::atomic<Shard*> running{nullptr};
  std::jthread watcher([&](const std::stop_token& done) {
    while (!done.stop_requested()) {
      if (Shard* shard = running.load()) watch(*shard, done);
      if (options_.stopping && options_.stopping()) stop.request_stop();
      std::this_thread::sleep_for(kPollInterval);
    }
  });
  WEIR_ASSIGN_OR_RETURN(const auto shard,
                        Shard::open(*services_, config_, {&section},
                                    {.until_caught_up = true,
                                     .new_columns = new_columns_,
                                     .told_fields = &told_fields,
                                     .visible = {},
                                     .beside_the_stream = true},
                                    telemetry_, stop.get_token()));
  running = shard.get();
  const Status status = shard->run();
  watcher.request_stop();
  watcher.join();
  new_columns_ = shard->new_columns();
  interrupted_ = status.ok() && !shard->goal_reached() && new_columns_.empty();
  WEIR_RETURN_IF_ERROR(status);
  const auto& lake_table = shard->tables().front()->lake_table;
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, lake_table->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto position, snapshot->txn(position_app_id(section.plan.table, 0)));
  WEIR_ASSIGN_OR_RETURN(report_.counts, pipeline::running_counts(*snapshot, section.plan.table, 0));
  report_.position = Seq{position.value_or(0)};
  WEIR_ASSIGN_OR_RETURN(const Seq end, shard->stream_end());
  return std::max<int64_t>(0, end - report_.position);
}

// Until the round is over: shows how far it has come, and passes a request to stop on.
void StreamFill::watch(Shard& shard, const std::stop_token& done) {
  const Seq goal = shard.end_at_start();
  std::optional<Seq> first;
  while (!done.stop_requested()) {
    const Seq position = shard.status().tables.front().lake_position;
    if (!first && position > Seq{0}) first = position;
    if (options_.progress && first) {
      options_.progress({.rows_done = position - *first, .rows_total = goal - *first});
    }
    if (options_.stopping && options_.stopping()) shard.drain(config_.pipeline.shutdown_timeout);
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace weir::app
