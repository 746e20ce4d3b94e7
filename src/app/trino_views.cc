#include "app/trino_views.h"

#include <algorithm>
#include <condition_variable>
#include <optional>
#include <thread>
#include <utility>

#include "app/trino_access.h"
#include "audit/letter_store.h"
#include "pipeline/hot_position.h"

namespace weir::app {
namespace {

constexpr std::chrono::seconds kLastRoundMax{5};

trino::HotState hot_state(pipeline::HotMode mode) {
  switch (mode) {
    case pipeline::HotMode::kNone: return trino::HotState::kNone;
    case pipeline::HotMode::kDetached: return trino::HotState::kDetached;
    case pipeline::HotMode::kCatchingUp: return trino::HotState::kCatchingUp;
    case pipeline::HotMode::kLive: return trino::HotState::kLive;
  }
  return trino::HotState::kNone;
}

// Rows of an INSERT that was announced may be seen before anybody knows that they are in.
std::optional<int64_t> announced_through(const Services& services, const std::string& table) {
  if (!services.nats->check().ok()) return std::nullopt;
  const auto entry = services.key_value->get(pipeline::hot_position_key(table, 0));
  if (!entry.ok()) return std::nullopt;
  const auto position = pipeline::hot_position_from_json(entry->value);
  if (!position.ok()) return std::nullopt;
  return std::max(position->hot_position, position->in_flight ? position->in_flight->range.last : Seq{0}).value;
}

}  // namespace

Result<LakeSide> lake_side(const TableParts& parts) {
  // The time first: what is committed in between is younger than it says.
  LakeSide lake{.newest_event_us = parts.newest_event_us, .rows = {}};
  WEIR_ASSIGN_OR_RETURN(lake.rows, parts.lake_table->snapshot());
  return lake;
}

Result<trino::TableInput> trino_input(const PipelineConfig& config, const Services& services, const TableParts& parts,
                                      const LakeSide& lake, const pipeline::TableStatus& table, TableMemory* memory) {
  trino::TableInput input{.plan = parts.plan, .hot_mode = std::string(to_string(table.hot_mode))};
  trino::TablePositions& at = input.positions;
  WEIR_ASSIGN_OR_RETURN(const auto position, lake.rows->txn(position_app_id(table.table, 0)));
  at.lake_position = position.value_or(0);
  at.lake_version = lake.rows->version();
  if (lake.newest_event_us > 0) at.lake_time_us = lake.newest_event_us;
  at.hot = hot_state(table.hot_mode);
  at.retention = parts.section->clickhouse_retention;
  if (parts.hot) {
    const pipeline::HotView view = parts.hot->view();
    at.hot_position = table.hot_position.value;
    at.hot_start = view.hot_start.value;
    if (at.hot == trino::HotState::kLive && !view.offered.ok()) {
      at.hot = trino::HotState::kNoView;
      input.hot_view = view.offered;
    }
    int64_t& highest = memory->hot_seen;
    highest = std::max({highest, at.hot_position, announced_through(services, table.table).value_or(0)});
    at.hot_seen = highest;
  }
  input.dead_letters = table.counts.dead_letters();
  WEIR_ASSIGN_OR_RETURN(const auto letters, parts.dead_letter_table->snapshot());
  WEIR_RETURN_IF_ERROR(read_files(*lake.rows, letters.get(), table.table, &input));
  WEIR_ASSIGN_OR_RETURN(const auto replays, lake.rows->txn(audit::replay_app_id(table.table)));
  if (replays.value_or(0) != memory->replays) {
    WEIR_ASSIGN_OR_RETURN(memory->replayed_letters, replayed_sql(*services.engine, config, table.table, *lake.rows));
    memory->replays = replays.value_or(0);
  }
  input.replayed_letters = memory->replayed_letters;
  return input;
}

TrinoViews::TrinoViews(const PipelineConfig& config, Telemetry telemetry, Tables tables,
                       std::unique_ptr<trino::Client> client)
    : config_(config), telemetry_(telemetry), tables_(std::move(tables)), client_(std::move(client)) {
  publisher_ = std::make_unique<trino::Publisher>(
      *client_, telemetry.clock, trino::PublisherOptions{.names = trino_names(config), .lake_url = config.lake.url});
}

Result<std::unique_ptr<TrinoViews>> TrinoViews::open(const PipelineConfig& config, Telemetry telemetry, Tables tables) {
  if (!config.trino) return std::unique_ptr<TrinoViews>();
  WEIR_ASSIGN_OR_RETURN(const trino::Options options, trino_options(config));
  WEIR_ASSIGN_OR_RETURN(auto client, trino::Client::open(options));
  return std::unique_ptr<TrinoViews>(new TrinoViews(config, telemetry, std::move(tables), std::move(client)));
}

void TrinoViews::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    round(tables_(), stop);
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, config_.trino->refresh_interval, [] { return false; });
  }
}

// Waits no longer than that for a server which hangs: the views that stand are right without it.
void TrinoViews::publish_last() {
  if (last_tables_.empty()) return;
  std::stop_source enough;
  std::jthread timer([&enough](const std::stop_token& done) {
    std::mutex mutex;
    std::condition_variable_any over;
    std::unique_lock lock(mutex);
    over.wait_for(lock, done, kLastRoundMax, [] { return false; });
    enough.request_stop();
  });
  std::vector<trino::TableInput> tables = tables_();
  for (trino::TableInput& table : tables) {
    if (table.positions.hot != trino::HotState::kNone) table.positions.hot = trino::HotState::kIdle;
    table.hot_mode = "nothing runs";
  }
  round(tables, enough.get_token());
}

void TrinoViews::round(const std::vector<trino::TableInput>& tables, const std::stop_token& stop) {
  if (tables.empty()) return;  // No shard is ours yet; a view of nothing would be wrong.
  last_tables_ = tables;
  for (const trino::TableInput& table : tables) tell_once("ClickHouse of " + table.plan->table, table.hot_view);
  const auto report = publisher_->publish(tables, stop);
  if (stop.stop_requested() && !report.ok()) return;
  if (!report.ok()) return note_away(report.status());
  observe(*report);
}

void TrinoViews::note_away(const Status& status) {
  std::unique_lock lock(mutex_);
  // Once until it is back: what exactly fails changes from try to try (refused, timed out after so many milliseconds).
  const bool told = !status_.error.empty();
  status_.error = status.message();
  lock.unlock();
  if (told) return;
  telemetry_.log.warn("views in Trino are not kept current; tried again every trino.refresh_interval",
                      {{"url", config_.trino->url}, {"reason", status.to_string()}});
}

void TrinoViews::observe(const trino::PublishReport& report) {
  TrinoStatus status{.error = "", .published_us = telemetry_.clock.unix_us(), .views = {}};
  for (const trino::ViewReport& view : report.views) {
    const bool edited = view.outcome == trino::ViewOutcome::kEdited;
    tell_once("weir." + view.view, edited ? already_exists(view.detail) : view.status);
    status.views.push_back({.view = view.view, .outcome = std::string(to_string(view.outcome)), .detail = view.detail});
  }
  if (report.registered > 0)
    telemetry_.log.info("registered tables of the lake in Trino", {{"tables", report.registered}});
  std::unique_lock lock(mutex_);
  const bool was_away = !status_.error.empty();
  status_ = std::move(status);
  lock.unlock();
  if (was_away) telemetry_.log.info("views in Trino are kept current again", {{"url", config_.trino->url}});
}

// What a person should know is said once, until it changes.
void TrinoViews::tell_once(const std::string& about, const Status& trouble) {
  std::string& told = complaints_[about];
  const std::string reason = trouble.ok() ? "" : trouble.to_string();
  if (reason == told) return;
  told = reason;
  if (!reason.empty())
    telemetry_.log.warn("a view for Trino is not kept current", {{"view", about}, {"reason", reason}});
}

TrinoStatus TrinoViews::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

}  // namespace weir::app
