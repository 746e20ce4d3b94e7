#include "app/trino_access.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string>
#include <thread>

#include "app/file_totals.h"
#include "app/held_lease.h"
#include "app/letter_run.h"
#include "app/next_plan.h"
#include "app/running_process.h"
#include "app/services.h"
#include "audit/lake_query.h"
#include "clickhouse/ddl.h"
#include "lake/dead_letter_table.h"
#include "lake/table_definition.h"
#include "nats/embedded_server.h"
#include "nats/kv_bucket.h"
#include "nats/kv_lease.h"
#include "pipeline/hot_position.h"
#include "pipeline/lake_sink.h"
#include "schema/reader_view.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kLeasePoll{200};

// What a table that never ran has shown, and what is read of NATS. Members are destroyed in reverse order.
struct KeyValueAccess {
  std::unique_ptr<nats::EmbeddedServer> server;
  std::unique_ptr<nats::Connection> connection;
  std::unique_ptr<nats::KvBucket> bucket;
};

Result<KeyValueAccess> open_key_value(const PipelineConfig& config) {
  KeyValueAccess access;
  std::string embedded_url;
  if (config.nats.embedded()) {
    nats::EmbeddedServerOptions options;
    options.folder = std::filesystem::path(config.pipeline.data_dir) / "nats";
    WEIR_ASSIGN_OR_RETURN(access.server, nats::EmbeddedServer::start(options));
    embedded_url = access.server->url();
  }
  WEIR_ASSIGN_OR_RETURN(access.connection, open_nats(config, embedded_url));
  WEIR_ASSIGN_OR_RETURN(access.bucket, nats::KvBucket::open(*access.connection,
                                                            {.bucket = "weir_" + config.pipeline.name, .replicas = 1}));
  return access;
}

Status somebody_runs() {
  return conflict(
      "a process runs this pipeline and keeps its views in Trino, and ClickHouse cannot be shown now; wait for it");
}

// A holder writes its lease anew three times within lease_timeout. One that stands still for so long has died.
Status check_nobody_holds(KeyValue& key_value, const std::string& lease, std::chrono::milliseconds lease_timeout) {
  const std::string key = nats::lease_key(lease, 0);
  const auto first = key_value.get(key);
  if (first.status().code() == StatusCode::kNotFound) return ok_status();
  if (!first.ok()) return first.status();
  WEIR_ASSIGN_OR_RETURN(const auto entry, nats::parse_lease_entry(first->value));
  if (!entry.held) return ok_status();
  const auto until = system_clock().now() + lease_timeout;
  while (system_clock().now() < until) {
    std::this_thread::sleep_for(kLeasePoll);
    WEIR_ASSIGN_OR_RETURN(const auto now, key_value.get(key));
    if (now.revision != first->revision) return somebody_runs();
  }
  return ok_status();
}

Status check_nothing_runs(const PipelineConfig& config, KeyValue& key_value) {
  if (!ask_running_process(config).empty()) return somebody_runs();
  std::set<std::string> leases;
  for (const TableSection& section : config.tables) {
    leases.insert(section.from_table.empty() ? section.stream : table_lease_name(section.plan.table));
  }
  for (const std::string& lease : leases) {
    WEIR_RETURN_IF_ERROR(check_nobody_holds(key_value, lease, config.limits.lease_timeout));
  }
  return ok_status();
}

// KV may have lost an entry, and an embedded ClickHouse has shown nothing that its KV, which lives beside it, did not
// know.
Result<int64_t> highest_in_clickhouse(const PipelineConfig& config, const std::string& table) {
  if (config.clickhouse->embedded()) return 0;
  WEIR_ASSIGN_OR_RETURN(const auto client, open_clickhouse(config, ""));
  const auto rows =
      client->query_rows({.sql = "SELECT max(_seq) FROM " + clickhouse::qualified(config.clickhouse->database, table) +
                                 " WHERE _shard = 0"});
  if (rows.status().code() == StatusCode::kNotFound) return 0;
  if (!rows.ok()) return rows.status().with_context("table " + table + ": NATS does not know what ClickHouse holds");
  return std::strtoll(rows->at(0).at(0).c_str(), nullptr, 10);
}

// Whether Trino can read the table in ClickHouse that `hot` is about: it is there, and so is its view.
Result<bool> is_shown(clickhouse::Client& client, const std::string& table, const pipeline::HotPosition& hot) {
  const auto rows = client.query_rows(
      {.sql =
           "SELECT countIf(database = {database:String} AND name = {table:String} AND toString(uuid) = {id:String}), "
           "countIf(database = {views:String} AND name = {view:String}) FROM system.tables",
       .parameters = {{"database", client.options().database},
                      {"table", table},
                      {"id", hot.table_id},
                      {"views", reader_database(client.options().database)},
                      {"view", reader_view(table, hot.hot_start)}}});
  if (!rows.ok()) return rows.status();
  if (rows->size() != 1 || rows->at(0).size() != 2)
    return unavailable("ClickHouse answered a count with something else");
  return rows->at(0)[0] == "1" && rows->at(0)[1] == "1";
}

// ClickHouse is part of the view if it holds all that the lake does and Trino can read it. What it cannot be asked
// about, or lacks, makes it idle.
Result<trino::HotState> state_of(const PipelineConfig& config, const std::string& table,
                                 const pipeline::HotPosition& hot, int64_t lake_position) {
  if (config.clickhouse->embedded() || hot.hot_position.value < lake_position) {
    return trino::HotState::kIdle;
  }
  WEIR_ASSIGN_OR_RETURN(const auto client, open_clickhouse(config, ""));
  const auto shown = is_shown(*client, table, hot);
  return shown.ok() && *shown ? trino::HotState::kLive : trino::HotState::kIdle;
}

// Requires: lake_position is set. It was read before, so that ClickHouse's can only be further.
Status read_hot_side(const PipelineConfig& config, KeyValue* key_value, const std::string& table,
                     trino::TablePositions* at) {
  if (!config.clickhouse) return ok_status();
  at->hot = trino::HotState::kIdle;
  const auto entry = key_value->get(pipeline::hot_position_key(table, 0));
  if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status();
  pipeline::HotPosition hot{.provisional = true};
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(hot, pipeline::hot_position_from_json(entry->value));
  }
  if (hot.provisional) {  // NATS does not know, or forgot.
    WEIR_ASSIGN_OR_RETURN(at->hot_seen, highest_in_clickhouse(config, table));
    at->hot_position = at->hot_seen;
    return ok_status();
  }
  at->hot_start = hot.hot_start.value;
  at->hot_position = hot.hot_position.value;
  at->hot_seen = std::max(hot.hot_position.value, hot.in_flight ? hot.in_flight->range.last.value : 0);
  WEIR_ASSIGN_OR_RETURN(at->hot, state_of(config, table, hot, at->lake_position));
  return ok_status();
}

lake::TableOwner owner_of(const PipelineConfig& config, const TableSection& section) {
  return {.pipeline = config.pipeline.name, .stream = section.source(), .shards = section.shards};
}

// Null: the lake does not have it.
Result<std::shared_ptr<const LakeSnapshot>> dead_letters(const engine::Engine& engine, const PipelineConfig& config) {
  const auto table =
      lake::DeltaLakeTable::open(engine, lake_options(config), lake::dead_letter_definition(config.pipeline.name, ""));
  if (table.status().code() == StatusCode::kNotFound) return std::shared_ptr<const LakeSnapshot>();
  if (!table.ok()) return table.status();
  return (*table)->snapshot();
}

std::string first_set(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const char* value = std::getenv(name); value != nullptr && *value != '\0') return name;
  }
  return "";
}

Status read_secret(const std::optional<SecretVariable>& variable, std::string* value) {
  if (!variable) return ok_status();
  WEIR_ASSIGN_OR_RETURN(*value, variable->read());
  return ok_status();
}

}  // namespace

trino::Names trino_names(const PipelineConfig& config) {
  trino::Names names;
  names.lake_catalog = config.trino->lake_catalog;
  names.admin_catalog = config.trino->admin_catalog;
  names.clickhouse_catalog = config.clickhouse ? config.trino->clickhouse_catalog : "";
  if (config.clickhouse) names.clickhouse_database = config.clickhouse->database;
  return names;
}

Result<trino::Options> trino_options(const PipelineConfig& config) {
  trino::Options options;
  options.url = config.trino->url;
  options.user = config.trino->user;
  options.tls_ca = config.trino->tls_ca;
  WEIR_RETURN_IF_ERROR(read_secret(config.trino->password, &options.password));
  WEIR_RETURN_IF_ERROR(read_secret(config.trino->jwt, &options.jwt));
  return options;
}

Result<trino::CatalogOptions> catalog_options(const engine::Engine& engine, const PipelineConfig& config) {
  trino::CatalogOptions options{.pipeline = config.pipeline.name,
                                .names = trino_names(config),
                                .trino_user = config.trino->user,
                                .lake_url = config.lake.url};
  if (const std::string region = first_set({"AWS_REGION", "AWS_DEFAULT_REGION"}); !region.empty()) {
    options.s3_region_env = region;
  }
  options.s3_endpoint_env = first_set({"AWS_ENDPOINT_URL", "AWS_ENDPOINT"});
  options.s3_access_key_env = first_set({"AWS_ACCESS_KEY_ID"});
  options.s3_secret_key_env = first_set({"AWS_SECRET_ACCESS_KEY"});
  if (options.s3_access_key_env.empty() || options.s3_secret_key_env.empty()) {
    options.s3_access_key_env.clear();
    options.s3_secret_key_env.clear();
  }
  if (config.clickhouse) {
    if (!config.clickhouse->embedded()) options.clickhouse_url = config.clickhouse->url;
    options.clickhouse_user = config.clickhouse->user;
    if (config.clickhouse->password) options.clickhouse_password_env = config.clickhouse->password->name;
  }
  for (const TableSection& section : config.tables) {
    WEIR_ASSIGN_OR_RETURN(const NextPlan next, next_plan(engine, config, section));
    options.tables.push_back(next.plan);
  }
  return options;
}

Status make_metastore_folder(const PipelineConfig& config) {
  constexpr std::string_view kLocal = "file://";
  if (!config.lake.url.starts_with(kLocal)) return ok_status();
  const std::filesystem::path folder = config.lake.url.substr(kLocal.size()) + "/_weir/trino/metastore";
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  return error ? unavailable("cannot make " + folder.string() + ": " + error.message()) : ok_status();
}

Status read_files(const LakeSnapshot& rows, const LakeSnapshot* letters, const std::string& table,
                  trino::TableInput* input) {
  const engine::Snapshot& in_lake = *lake::engine_snapshot(rows);
  WEIR_ASSIGN_OR_RETURN(const auto files, file_totals(in_lake, table));
  if (!files || letters == nullptr) return ok_status();
  input->dead_letters += files->dead_letters;
  WEIR_ASSIGN_OR_RETURN(const auto unfinished, unfinished_files(in_lake, *lake::engine_snapshot(*letters), table));
  for (const auto& [shard, counted] : unfinished) input->unfinished_files.push_back({shard, counted});
  return ok_status();
}

Result<std::string> replayed_sql(const engine::Engine& engine, const PipelineConfig& config, const std::string& table,
                                 const LakeSnapshot& rows) {
  constexpr int64_t kShownMax = 10'000;
  constexpr size_t kTextMax = 200'000;
  constexpr size_t kTermsMax = 500;
  WEIR_ASSIGN_OR_RETURN(const auto replayed, replayed_letters(engine, config, table, rows));
  const int64_t letters = replayed.size(0);
  if (letters == 0 || letters > kShownMax) return std::string();
  std::string sql = audit::identities_sql(replayed);
  // A chain of OR is parsed by recursion.
  size_t terms = 0;
  for (size_t at = sql.find(" OR "); at != std::string::npos; at = sql.find(" OR ", at + 1)) ++terms;
  return sql.size() > kTextMax || terms > kTermsMax ? std::string() : sql;
}

Result<bool> has_dead_letters(const engine::Engine& engine, const PipelineConfig& config) {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, dead_letters(engine, config));
  return snapshot != nullptr;
}

Result<std::vector<trino::TableInput>> tables_at_rest(const engine::Engine& engine, const PipelineConfig& config) {
  if (config.nats.embedded() && !ask_running_process(config).empty()) return somebody_runs();
  WEIR_ASSIGN_OR_RETURN(const KeyValueAccess access, open_key_value(config));
  WEIR_ASSIGN_OR_RETURN(const auto letters, dead_letters(engine, config));
  // Before and after the stores are read: what ran in between may have shown more than they said.
  const Status nothing_ran = check_nothing_runs(config, *access.bucket);
  std::vector<trino::TableInput> inputs;
  for (const TableSection& section : config.tables) {
    const std::string& name = section.plan.table;
    WEIR_ASSIGN_OR_RETURN(const NextPlan next, next_plan(engine, config, section));
    // The columns that the lake has now; those of a changed file come with weir run.
    trino::TableInput input{.plan = next.current != nullptr ? next.current : next.plan, .hot_mode = "as refreshed"};
    const auto table = lake::DeltaLakeTable::open(
        engine, lake_options(config), lake::rows_definition(*input.plan, owner_of(config, section), Seq{1}));
    if (table.status().code() == StatusCode::kNotFound) continue;
    if (!table.ok()) return table.status().with_context("table " + name);
    WEIR_ASSIGN_OR_RETURN(const auto snapshot, (*table)->snapshot());
    WEIR_ASSIGN_OR_RETURN(const auto position, snapshot->txn(position_app_id(name, 0)));
    WEIR_ASSIGN_OR_RETURN(const auto counts, pipeline::running_counts(*snapshot, name, 0));
    input.positions.lake_position = position.value_or(0);
    input.positions.lake_version = snapshot->version();
    input.positions.retention = section.clickhouse_retention;
    input.dead_letters = counts.dead_letters();
    WEIR_RETURN_IF_ERROR(read_files(*snapshot, letters.get(), name, &input));
    WEIR_ASSIGN_OR_RETURN(input.replayed_letters, replayed_sql(engine, config, name, *snapshot));
    WEIR_RETURN_IF_ERROR(read_hot_side(config, access.bucket.get(), name, &input.positions));
    inputs.push_back(std::move(input));
  }
  // Beside a running process only what is right whatever it does next: not the lake alone, while ClickHouse may be
  // ahead.
  const bool any_idle = std::ranges::any_of(
      inputs, [](const trino::TableInput& input) { return input.positions.hot == trino::HotState::kIdle; });
  const Status nothing_runs = nothing_ran.ok() ? check_nothing_runs(config, *access.bucket) : nothing_ran;
  if (any_idle) WEIR_RETURN_IF_ERROR(nothing_runs);
  if (!nothing_runs.ok()) return inputs;
  // Nobody would publish newer versions: where the lake has everything, the view names none.
  for (trino::TableInput& input : inputs) {
    trino::TablePositions& at = input.positions;
    if (at.hot == trino::HotState::kLive && at.lake_position >= at.hot_seen) at.hot = trino::HotState::kIdle;
  }
  return inputs;
}

}  // namespace weir::app
