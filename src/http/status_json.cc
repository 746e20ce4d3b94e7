#include "http/status_json.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace weir {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// Errors quote peers and subjects: bytes that are no UTF-8 are replaced, never a reason to fail.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json shard_json(const ShardStatus& shard) {
  return {
      {"shard", shard.shard},
      {"lake_position", shard.lake_position},
      {"hot_position", or_null(shard.hot_position)},
      {"stream_last_seq", or_null(shard.stream_last_seq)},
      {"lag_events", or_null(shard.lag_events)},
      {"lag_seconds", or_null(shard.lag_seconds)},
      {"totals",
       {{"events", shard.totals.events},
        {"rows", shard.totals.rows},
        {"filtered", shard.totals.filtered},
        {"dead_letters", shard.totals.dead_letters}}},
      {"rates",
       {{"events_per_second", shard.rates.events_per_second},
        {"lake_rows_per_second", shard.rates.lake_rows_per_second},
        {"hot_rows_per_second", shard.rates.hot_rows_per_second}}},
      {"hot_mode", to_string(shard.hot_mode)},
      {"hot_reason", shard.hot_reason},
      {"last_error", shard.last_error},
      {"stopped_reason", shard.stopped_reason},
  };
}

}  // namespace

std::string_view to_string(HotMode mode) {
  switch (mode) {
    case HotMode::kNone: return "none";
    case HotMode::kDetached: return "detached";
    case HotMode::kCatchingUp: return "catching_up";
    case HotMode::kLive: return "live";
  }
  return "none";
}

std::string_view to_string(PipelineState state) {
  switch (state) {
    case PipelineState::kStarting: return "starting";
    case PipelineState::kRunning: return "running";
    case PipelineState::kStopping: return "stopping";
    case PipelineState::kStopped: return "stopped";
  }
  return "stopped";
}

nlohmann::ordered_json file_totals_json(const FileTotals& files) {
  return {{"files", files.files},
          {"rows", files.rows},
          {"filtered", files.filtered},
          {"dead_letters", files.dead_letters}};
}

Json trino_json(const TrinoStatus& trino) {
  Json views = Json::array();
  for (const TrinoViewStatus& view : trino.views) {
    views.push_back({{"view", view.view}, {"outcome", view.outcome}, {"detail", view.detail}});
  }
  return {{"error", trino.error}, {"published_us", trino.published_us}, {"views", std::move(views)}};
}

std::string render_status_json(const StatusSnapshot& snapshot) {
  Json tables = Json::array();
  for (const TableStatus& table : snapshot.tables) {
    Json shards = Json::array();
    for (const ShardStatus& shard : table.shards) shards.push_back(shard_json(shard));
    tables.push_back(
        {{"name", table.name}, {"stream", table.stream}, {"plan_id", table.plan_id}, {"shards", std::move(shards)}});
    if (!table.files) continue;
    tables.back()["files"] = file_totals_json(*table.files);
  }
  Json body{{"pipeline", snapshot.pipeline},
            {"version", snapshot.version},
            {"state", to_string(snapshot.state)},
            {"ready", snapshot.not_ready.empty()},
            {"not_ready", snapshot.not_ready},
            {"time_us", snapshot.time_us},
            {"started_us", snapshot.started_us},
            {"tables", std::move(tables)}};
  if (snapshot.trino) body["trino"] = trino_json(*snapshot.trino);
  return dump(body);
}

std::string render_tables_json(const StatusSnapshot& snapshot) {
  Json tables = Json::array();
  for (const TableStatus& table : snapshot.tables) {
    Json columns = Json::array();
    for (const ColumnStatus& column : table.columns) {
      columns.push_back({{"name", column.name}, {"type", column.type}, {"nullable", column.nullable}});
    }
    tables.push_back({{"name", table.name},
                      {"stream", table.stream},
                      {"plan_id", table.plan_id},
                      {"shards", table.shards.size()},
                      {"columns", std::move(columns)}});
  }
  Json body;
  body["tables"] = std::move(tables);
  return dump(body);
}

std::string render_readiness_json(const StatusSnapshot& snapshot) {
  Json body;
  body["ready"] = snapshot.not_ready.empty();
  body["reasons"] = snapshot.not_ready;
  return dump(body);
}

}  // namespace weir
