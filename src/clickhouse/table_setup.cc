#include "clickhouse/table_setup.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <nlohmann/json.hpp>

#include "clickhouse/ddl.h"
#include "clickhouse/sql_text.h"
#include "clickhouse/table_evolution.h"
#include "schema/reader_view.h"

namespace weir::clickhouse {
namespace {

std::string alter(const std::string& database, const Plan& plan) {
  return "ALTER TABLE " + qualified(database, plan.table);
}

const ExistingColumn* find_column(const TableState& state, const std::string& name) {
  const auto column = std::ranges::find(state.columns, name, &ExistingColumn::name);
  return column == state.columns.end() ? nullptr : &*column;
}

// ClickHouse prints types in its own way ("Decimal(10, 2)"), so types are compared, not texts. A column may hold more than
// the plan writes: it was made for a newer plan, and the older one is back.
bool takes_values_of(const ExistingColumn& existing, const BlockColumn& wanted) {
  const auto type = parse_native_type(existing.type);
  return type.ok() && holds_all(*type, wanted.type);
}

bool accepts_omission(const ExistingColumn& column) {
  return !column.default_kind.empty() || column.type.starts_with("Nullable(") ||
         column.type.starts_with("LowCardinality(Nullable(");
}

void compare_columns(const std::string& database, const Plan& plan, const TableState& state,
                     const std::vector<BlockColumn>& wanted, std::vector<TableDifference>* differences) {
  for (const BlockColumn& column : wanted) {
    const std::string definition = quote_identifier(column.name) + " " + column.type_text;
    const ExistingColumn* existing = find_column(state, column.name);
    if (existing == nullptr) {
      differences->push_back(
          {"column \"" + column.name + "\" is missing", alter(database, plan) + " ADD COLUMN " + definition});
    } else if (!takes_values_of(*existing, column)) {
      differences->push_back({"column \"" + column.name + "\" is " + existing->type + ", not " + column.type_text,
                              alter(database, plan) + " MODIFY COLUMN " + definition});
    } else if (existing->default_kind == "MATERIALIZED" || existing->default_kind == "ALIAS") {
      differences->push_back(
          {"column \"" + column.name + "\" is computed (" + existing->default_kind + ")",
           alter(database, plan) + " MODIFY COLUMN " + definition + " REMOVE " + existing->default_kind});
    }
  }
  for (const ExistingColumn& existing : state.columns) {
    const bool ours = std::ranges::find(wanted, existing.name, &BlockColumn::name) != wanted.end();
    if (ours || accepts_omission(existing)) continue;
    differences->push_back({"column \"" + existing.name + "\" is not of the plan and has no default",
                            alter(database, plan) + " MODIFY COLUMN " + quote_identifier(existing.name) + " " +
                                existing.type + " DEFAULT defaultValueOfTypeName(" + quote_string(existing.type) +
                                ")"});
  }
}

// "(day)" and "day" are the same key.
std::string bare_key(std::string_view text) {
  std::string result;
  std::ranges::copy_if(text, std::back_inserter(result),
                       [](char c) { return c != '(' && c != ')' && c != '`' && c != ' '; });
  return result;
}

std::string key_text(const std::vector<std::string>& columns) {
  std::string text;
  for (const std::string& column : columns) text += (text.empty() ? "" : ",") + column;
  return text;
}

void compare_keys(const std::string& database, const Plan& plan, const TableState& state,
                  std::vector<TableDifference>* differences) {
  const std::string rebuild = "DROP TABLE " + qualified(database, plan.table) +
                              ", and let `weir backfill --to clickhouse` fill the new one from the lake";
  const auto compare = [&](std::string_view what, const std::string& existing, const std::vector<std::string>& wanted) {
    if (bare_key(existing) == key_text(wanted)) return;
    differences->push_back({"the " + std::string(what) + " key is (" + bare_key(existing) + "), not (" +
                                key_text(wanted) + "), and cannot be changed in place",
                            rebuild});
  };
  compare("partition", state.partition_key, plan.partition_by);
  compare("sorting", state.sorting_key, sorting_columns(plan));
}

// Number behind "name = " in the engine's settings; 0 when it is not set.
int64_t engine_setting(const TableState& state, const std::string& name) {
  const std::string assignment = " " + name + " = ";
  const size_t at = state.engine_full.find(assignment);
  int64_t value = 0;
  if (at != std::string::npos) {
    const char* digits = state.engine_full.data() + at + assignment.size();
    std::from_chars(digits, state.engine_full.data() + state.engine_full.size(), value);
  }
  return value;
}

void compare_engine(const std::string& database, const Plan& plan, const TableOptions& options, const TableState& state,
                    std::vector<TableDifference>* differences) {
  const auto want_setting = [&](const std::string& name, int64_t at_least) {
    if (engine_setting(state, name) >= at_least) return;
    const std::string assignment = name + " = " + std::to_string(at_least);
    differences->push_back({"setting " + name + " is " + std::to_string(engine_setting(state, name)),
                            alter(database, plan) + " MODIFY SETTING " + assignment});
  };
  want_setting("non_replicated_deduplication_window", kDeduplicationWindow);
  if (options.sync) {
    want_setting("fsync_after_insert", 1);
    want_setting("fsync_part_directory", 1);
  }
  const std::string ttl = " TTL ";
  if (options.retention.count() == 0 && state.engine_full.find(ttl) != std::string::npos) {
    differences->push_back(
        {"it has a TTL, but no clickhouse_retention is configured", alter(database, plan) + " REMOVE TTL"});
  } else if (options.retention.count() > 0 &&
             state.engine_full.find(ttl + ttl_expression(options.retention)) == std::string::npos) {
    differences->push_back({"its TTL is not the configured clickhouse_retention",
                            alter(database, plan) + " MODIFY TTL " + ttl_expression(options.retention)});
  }
}

Status refuse_differences(const std::string& name, const std::vector<TableDifference>& differences) {
  if (differences.empty()) return ok_status();
  std::string text = "table " + name + " in ClickHouse is not what the plan wants:";
  for (const TableDifference& difference : differences)
    text += "\n  " + difference.what + "; to mend it: " + difference.remedy;
  return invalid_argument(std::move(text));
}

Status evolve(Client& client, const Plan& plan, TableState* state) {
  WEIR_ASSIGN_OR_RETURN(auto steps, steps_to(client.options().database, plan, *state));
  for (TableStep& step : steps) {
    WEIR_RETURN_IF_ERROR(client.execute({.sql = step.sql}).with_context(step.sql));
    std::erase_if(state->columns, [&](const ExistingColumn& column) { return column.name == step.column.name; });
    state->columns.push_back(std::move(step.column));
  }
  return ok_status();
}

Status check_database(Client& client) {
  const std::string& database = client.options().database;
  WEIR_ASSIGN_OR_RETURN(const auto rows,
                        client.query_rows({.sql = "SELECT engine FROM system.databases WHERE name = {d:String}",
                                           .parameters = {{"d", database}}}));
  if (!rows.empty() && (rows[0][0] == "Replicated" || rows[0][0] == "Shared")) {
    return invalid_argument("database \"" + database + "\" is " + rows[0][0] +
                            "; Weir needs a plain one on one server");
  }
  return ok_status();
}

}  // namespace

Result<std::optional<TableState>> table_state(Client& client, const std::string& table) {
  const std::vector<std::pair<std::string, std::string>> name{{"d", client.options().database}, {"t", table}};
  WEIR_ASSIGN_OR_RETURN(
      const auto tables,
      client.query_rows({.sql = "SELECT engine, partition_key, sorting_key, engine_full, comment FROM "
                                "system.tables WHERE database = {d:String} AND name = {t:String}",
                         .parameters = name}));
  if (tables.empty()) return std::optional<TableState>();
  const TextRow& row = tables.front();
  TableState state{row[0], row[1], row[2], row[3], row[4], {}};
  if (state.engine != "MergeTree") {
    return invalid_argument("table " + qualified(client.options().database, table) + " has the engine " + state.engine +
                            "; Weir supports plain MergeTree on one server");
  }
  WEIR_ASSIGN_OR_RETURN(
      auto columns, client.query_rows({.sql = "SELECT name, type, default_kind FROM system.columns WHERE database = "
                                              "{d:String} AND table = {t:String} ORDER BY position",
                                       .parameters = name}));
  for (TextRow& column : columns) {
    state.columns.push_back({std::move(column[0]), std::move(column[1]), std::move(column[2])});
  }
  return std::optional(std::move(state));
}

Result<std::vector<TableDifference>> table_differences(const std::string& database, const Plan& plan,
                                                       const TableOptions& options, const TableState& state) {
  WEIR_ASSIGN_OR_RETURN(const auto wanted, table_columns(plan));
  std::vector<TableDifference> differences;
  compare_columns(database, plan, state, wanted, &differences);
  compare_keys(database, plan, state, &differences);
  compare_engine(database, plan, options, state, &differences);
  return differences;
}

Status check_owner(const std::string& database, const std::string& table, const TableOptions& options,
                   const TableState& state) {
  const std::string name = qualified(database, table);
  const auto comment = nlohmann::json::parse(state.comment, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer owner("/weir/pipeline");
  if (!comment.is_object() || !comment.contains(owner) || !comment.at(owner).is_string()) {
    return invalid_argument("table " + name +
                            " in ClickHouse was not made by Weir; choose another database or table name");
  }
  if (const auto pipeline = comment.at(owner).get<std::string>(); pipeline != options.pipeline) {
    return invalid_argument("table " + name + " in ClickHouse belongs to the pipeline \"" + pipeline + "\", not to \"" +
                            options.pipeline + "\"");
  }
  return ok_status();
}

Result<bool> ensure_table(Client& client, const Plan& plan, const TableOptions& options) {
  const std::string& database = client.options().database;
  WEIR_RETURN_IF_ERROR(check_name("table", plan.table));
  WEIR_RETURN_IF_ERROR(client.check_server());
  WEIR_RETURN_IF_ERROR(client.execute({.sql = create_database_sql(database)}));
  WEIR_RETURN_IF_ERROR(check_database(client));
  WEIR_RETURN_IF_ERROR(client.execute({.sql = create_fence_sql(database)}));

  const std::string name = qualified(database, plan.table);
  WEIR_ASSIGN_OR_RETURN(auto state, table_state(client, plan.table));
  if (!state.has_value()) {
    // First: a reader that still asks for the rows of the table which is gone must find nothing to ask.
    WEIR_RETURN_IF_ERROR(drop_reader_views(client, plan.table, Seq{std::numeric_limits<int64_t>::max()}));
    WEIR_ASSIGN_OR_RETURN(const std::string sql, create_table_sql(database, plan, options));
    WEIR_RETURN_IF_ERROR(client.execute({.sql = sql}).with_context("creating " + name));
    return true;
  }
  WEIR_RETURN_IF_ERROR(check_owner(database, plan.table, options, *state));
  WEIR_RETURN_IF_ERROR(evolve(client, plan, &*state));
  WEIR_ASSIGN_OR_RETURN(const auto differences, table_differences(database, plan, options, *state));
  WEIR_RETURN_IF_ERROR(refuse_differences(name, differences));
  const std::string comment = table_comment(plan, options);
  if (state->comment != comment) {
    WEIR_RETURN_IF_ERROR(client.execute({.sql = alter(database, plan) + " MODIFY COMMENT " + quote_string(comment)}));
  }
  return false;
}

Status drop_reader_views(Client& client, const std::string& table, Seq hot_start) {
  const std::string database = reader_database(client.options().database);
  const std::string prefix = reader_view_prefix(table);
  WEIR_ASSIGN_OR_RETURN(
      const auto views,
      client.query_rows({.sql = "SELECT name FROM system.tables WHERE database = {database:String} AND engine = 'View' "
                                "AND match(name, {pattern:String}) "
                                // Not toInt64(): ClickHouse may look at it before match(), on names of other tables.
                                "AND toInt64OrZero(substring(name, {digits:UInt64})) < {start:Int64}",
                         .parameters = {{"database", database},
                                        {"pattern", "^" + prefix + "[0-9]{1,18}$"},
                                        {"digits", std::to_string(prefix.size() + 1)},
                                        {"start", to_string(hot_start)}}}));
  for (const TextRow& view : views) {
    const std::string name = qualified(database, view.at(0));
    WEIR_RETURN_IF_ERROR(client.execute({.sql = "DROP VIEW IF EXISTS " + name + " SYNC"}).with_context("dropping " + name));
  }
  return ok_status();
}

Status drop_table(Client& client, const std::string& table) {
  return client.execute({.sql = "DROP TABLE IF EXISTS " + qualified(client.options().database, table) + " SYNC"});
}

}  // namespace weir::clickhouse
