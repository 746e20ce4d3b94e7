#include "app/lake_reader.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "app/file_totals.h"
#include "app/letter_run.h"
#include "app/past_version.h"
#include "app/services.h"
#include "app/version.h"
#include "audit/lake_query.h"
#include "base/clock.h"
#include "engine/query.h"
#include "lake/dead_letter_table.h"
#include "lake/incarnation_store.h"
#include "lake/table_definition.h"
#include "nats/stream_admin.h"
#include "pipeline/hot_position.h"
#include "pipeline/lake_sink.h"

namespace weir::app {
namespace {

struct OpenTable {
  const TableSection* section = nullptr;
  std::unique_ptr<lake::DeltaLakeTable> table;
  std::shared_ptr<const LakeSnapshot> snapshot;
};

lake::TableOwner owner_of(const PipelineConfig& config, const TableSection& section) {
  return {.pipeline = config.pipeline.name, .stream = section.source(), .shards = section.shards};
}

// Tables of the file that are in the lake; one that was never made is left out.
Result<std::vector<OpenTable>> open_tables(const engine::Engine& engine, const PipelineConfig& config) {
  std::vector<OpenTable> tables;
  for (const TableSection& section : config.tables) {
    auto table = lake::DeltaLakeTable::open(engine, lake_options(config),
                                            lake::rows_definition(section.plan, owner_of(config, section), Seq{1}));
    if (table.status().code() == StatusCode::kNotFound) continue;
    if (!table.ok()) return table.status().with_context("table " + section.plan.table);
    WEIR_ASSIGN_OR_RETURN(auto snapshot, (*table)->snapshot());
    tables.push_back({.section = &section, .table = std::move(*table), .snapshot = std::move(snapshot)});
  }
  return tables;
}

// Where a table's shard 0 is; 0 when it was never made.
Result<int64_t> position_of(const std::vector<OpenTable>& tables, const std::string& name) {
  for (const OpenTable& table : tables) {
    if (table.section->plan.table != name) continue;
    WEIR_ASSIGN_OR_RETURN(const auto position, table.snapshot->txn(position_app_id(name, 0)));
    return position.value_or(0);
  }
  return int64_t{0};
}

// The view `dead_letters`, as the head of a WITH clause that the user's query follows.
Result<std::string> counted_dead_letters(const engine::Engine& engine, const PipelineConfig& config,
                                         const std::vector<OpenTable>& tables, const engine::Snapshot& dead_letters) {
  std::string counted = "false";
  for (const OpenTable& table : tables) {
    const std::string& name = table.section->plan.table;
    WEIR_ASSIGN_OR_RETURN(const auto position, table.snapshot->txn(position_app_id(name, 0)));
    counted += " OR (\"table\" = '" + name + "' AND _shard = 0 AND _seq <= " + std::to_string(position.value_or(0));
    WEIR_ASSIGN_OR_RETURN(const auto replayed, replayed_letters(engine, config, name, *table.snapshot));
    counted += replayed.shards().empty() ? ")" : " AND NOT (" + audit::identities_sql(replayed) + "))";
    WEIR_ASSIGN_OR_RETURN(const std::string from_files,
                          counted_file_letters(*lake::engine_snapshot(*table.snapshot), dead_letters, name));
    counted += " OR " + from_files;
  }
  return "SELECT * FROM _dead_letters WHERE " + counted;
}

// A query may bring its own WITH; ours goes in front of it.
std::string with_dead_letters(const std::string& view, const std::string& sql) {
  const size_t start = sql.find_first_not_of(" \t\r\n(");
  std::string head = start == std::string::npos ? "" : sql.substr(start, 5);
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
  if (head.starts_with("with") && head.size() == 5 && std::isspace(static_cast<unsigned char>(head[4])) != 0) {
    return "WITH dead_letters AS (" + view + "), " + sql.substr(start + 5);
  }
  return "WITH dead_letters AS (" + view + ") " + sql;
}

bool is_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// As a whole word. Text in quotes counts too: a table too many is read, never one too few.
bool mentions(const std::string& sql, std::string_view name) {
  for (size_t at = sql.find(name); at != std::string::npos; at = sql.find(name, at + 1)) {
    const size_t end = at + name.size();
    if ((at == 0 || !is_name(sql[at - 1])) && (end == sql.size() || !is_name(sql[end]))) return true;
  }
  return false;
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatchReader>> query_lake(const engine::Engine& engine, const PipelineConfig& config,
                                                             const std::string& sql, const LakeTime& time,
                                                             std::vector<ReadVersion>* read,
                                                             const engine::Cluster* cluster) {
  WEIR_ASSIGN_OR_RETURN(std::vector<OpenTable> tables, open_tables(engine, config));
  const bool past = time.version || time.unix_ms;
  if (time.version && mentions(sql, "dead_letters")) {
    return invalid_argument("dead_letters have no version of their own; use --at with a time");
  }
  if (past) std::erase_if(tables, [&](const OpenTable& table) { return !mentions(sql, table.section->plan.table); });
  for (OpenTable& table : tables) {
    if (!past) break;
    WEIR_ASSIGN_OR_RETURN(table.snapshot, past_snapshot(lake_objects(engine, config), *table.table, time));
    if (read != nullptr) read->push_back({table.section->plan.table, table.snapshot->version()});
  }
  std::vector<engine::QueryTable> query_tables;
  for (const OpenTable& table : tables) {
    query_tables.push_back({.name = table.section->plan.table, .snapshot = lake::engine_snapshot(*table.snapshot)});
  }
  std::string text = sql;
  std::shared_ptr<const LakeSnapshot> dead_letters;
  if (mentions(sql, "dead_letters")) {
    WEIR_ASSIGN_OR_RETURN(const auto table,
                          lake::DeltaLakeTable::open(engine, lake_options(config),
                                                     lake::dead_letter_definition(config.pipeline.name, "")));
    WEIR_ASSIGN_OR_RETURN(dead_letters,
                          past ? past_snapshot(lake_objects(engine, config), *table, time) : table->snapshot());
    query_tables.push_back({.name = "_dead_letters", .snapshot = lake::engine_snapshot(*dead_letters)});
    WEIR_ASSIGN_OR_RETURN(const std::string view,
                          counted_dead_letters(engine, config, tables, *lake::engine_snapshot(*dead_letters)));
    text = with_dead_letters(view, sql);
  }
  return engine::query(engine, query_tables, text, cluster);
}

Result<std::map<std::string, FileTotals>> read_file_totals(const engine::Engine& engine, const PipelineConfig& config) {
  WEIR_ASSIGN_OR_RETURN(const std::vector<OpenTable> tables, open_tables(engine, config));
  std::map<std::string, FileTotals> totals;
  for (const OpenTable& table : tables) {
    const std::string& name = table.section->plan.table;
    WEIR_ASSIGN_OR_RETURN(const auto files, file_totals(*lake::engine_snapshot(*table.snapshot), name));
    if (files) totals.emplace(name, *files);
  }
  return totals;
}

Result<StatusSnapshot> read_status(const engine::Engine& engine, const PipelineConfig& config) {
  StatusSnapshot status;
  status.pipeline = config.pipeline.name;
  status.version = kVersion;
  status.state = PipelineState::kStopped;
  status.not_ready = {"no process answers at http.listen"};
  status.time_us = system_clock().unix_us();
  std::unique_ptr<nats::Connection> connection;
  std::unique_ptr<nats::KvBucket> key_value;
  if (!config.nats.embedded()) {
    auto opened = open_nats(config, "");
    if (opened.ok()) {
      connection = std::move(*opened);
      auto bucket = nats::KvBucket::open(*connection, {.bucket = "weir_" + config.pipeline.name, .replicas = 1});
      if (bucket.ok()) key_value = std::move(*bucket);
    } else {
      status.not_ready.push_back(opened.status().message());
    }
  }
  WEIR_ASSIGN_OR_RETURN(const std::vector<OpenTable> tables, open_tables(engine, config));
  const lake::IncarnationStore incarnations(lake_objects(engine, config));
  for (const OpenTable& table : tables) {
    const std::string& name = table.section->plan.table;
    ShardStatus shard;
    WEIR_ASSIGN_OR_RETURN(const auto position, table.snapshot->txn(position_app_id(name, 0)));
    WEIR_ASSIGN_OR_RETURN(const auto counts, pipeline::running_counts(*table.snapshot, name, 0));
    shard.lake_position = position.value_or(0);
    shard.totals = {.events = counts.events,
                    .rows = counts.rows(),
                    .filtered = counts.left_out(),
                    .dead_letters = counts.dead_letters()};
    if (key_value != nullptr && config.clickhouse) {
      if (const auto entry = key_value->get(pipeline::hot_position_key(name, 0)); entry.ok()) {
        WEIR_ASSIGN_OR_RETURN(const auto hot, pipeline::hot_position_from_json(entry->value));
        shard.hot_position = hot.hot_position.value;
      }
    }
    if (config.clickhouse) {
      shard.hot_mode = HotMode::kDetached;
      shard.hot_reason = "nothing runs";
    }
    if (!table.section->from_table.empty()) {
      WEIR_ASSIGN_OR_RETURN(shard.stream_last_seq, position_of(tables, table.section->from_table));
      shard.lag_events = std::max<int64_t>(0, *shard.stream_last_seq - shard.lake_position);
    } else if (connection != nullptr) {
      WEIR_ASSIGN_OR_RETURN(const auto admin, nats::StreamAdmin::open(*connection));
      WEIR_ASSIGN_OR_RETURN(const auto incarnation, incarnations.current(table.section->stream));
      if (const auto stream = admin.info(table.section->stream); stream.ok()) {
        shard.stream_last_seq = stream->last_seq + (incarnation ? incarnation->base : 0);
        shard.lag_events = std::max<int64_t>(0, *shard.stream_last_seq - shard.lake_position);
      }
    }
    TableStatus shown{.name = name,
                      .stream = table.section->source(),
                      .plan_id = table.section->plan.id(),
                      .columns = {},
                      .shards = {}};
    shown.shards.push_back(std::move(shard));
    WEIR_ASSIGN_OR_RETURN(shown.files, file_totals(*lake::engine_snapshot(*table.snapshot), name));
    status.tables.push_back(std::move(shown));
  }
  return status;
}

}  // namespace weir::app
