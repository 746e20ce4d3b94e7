#include "clickhouse/ddl.h"

#include <nlohmann/json.hpp>

#include "clickhouse/sql_text.h"
#include "schema/reader_view.h"

namespace weir::clickhouse {
namespace {

std::string joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += ", ";
    text += part;
  }
  return text;
}

std::string key_tuple(const std::vector<std::string>& columns) {
  std::vector<std::string> quoted;
  for (const std::string& column : columns) quoted.push_back(quote_identifier(column));
  return "(" + joined(quoted) + ")";
}

Status append_column(std::string_view name, std::string type_text, std::vector<BlockColumn>* columns) {
  WEIR_ASSIGN_OR_RETURN(NativeType type, parse_native_type(type_text));
  columns->push_back({std::string(name), std::move(type_text), std::move(type)});
  return ok_status();
}

}  // namespace

Result<std::vector<BlockColumn>> table_columns(const Plan& plan) {
  std::vector<BlockColumn> columns;
  for (const RowColumn& row : plan.rows) {
    const Status status = append_column(row.name, clickhouse_type(row.type, row.nullable), &columns);
    WEIR_RETURN_IF_ERROR(status.with_context("column \"" + row.name + "\""));
  }
  WEIR_RETURN_IF_ERROR(append_column(kShardColumn, "Int32", &columns));
  WEIR_RETURN_IF_ERROR(append_column(kSeqColumn, "Int64", &columns));
  WEIR_RETURN_IF_ERROR(append_column(kRowColumn, "Int32", &columns));
  WEIR_RETURN_IF_ERROR(append_column(kTimeColumn, "DateTime64(6, 'UTC')", &columns));
  WEIR_RETURN_IF_ERROR(append_column(kSubjectColumn, "LowCardinality(String)", &columns));
  return columns;
}

std::string column_list(const std::vector<BlockColumn>& columns) {
  std::vector<std::string> parts;
  for (const BlockColumn& column : columns) parts.push_back(quote_identifier(column.name) + " " + column.type_text);
  return joined(parts);
}

std::string name_list(const std::vector<BlockColumn>& columns) {
  std::vector<std::string> parts;
  for (const BlockColumn& column : columns) parts.push_back(quote_identifier(column.name));
  return joined(parts);
}

std::string qualified(std::string_view database, std::string_view table) {
  return quote_identifier(database) + "." + quote_identifier(table);
}

std::string create_database_sql(std::string_view database) {
  return "CREATE DATABASE IF NOT EXISTS " + quote_identifier(database);
}

std::vector<std::string> sorting_columns(const Plan& plan) {
  std::vector<std::string> columns = plan.order_by;
  for (const std::string_view column : {kShardColumn, kSeqColumn, kRowColumn}) columns.emplace_back(column);
  return columns;
}

std::string ttl_expression(std::chrono::seconds retention) {
  return "toDateTime(_time) + toIntervalSecond(" + std::to_string(retention.count()) + ")";
}

std::string table_comment(const Plan& plan, const TableOptions& options) {
  return nlohmann::json{{"weir", {{"pipeline", options.pipeline}, {"plan", plan.id()}}}}.dump();
}

Result<std::string> create_table_sql(std::string_view database, const Plan& plan, const TableOptions& options) {
  WEIR_ASSIGN_OR_RETURN(const auto columns, table_columns(plan));
  std::string sql = "CREATE TABLE IF NOT EXISTS " + qualified(database, plan.table) + " (" + column_list(columns) +
                    ", INDEX weir_seq " + quote_identifier(kSeqColumn) +
                    " TYPE minmax GRANULARITY 1) ENGINE = MergeTree";
  if (!plan.partition_by.empty()) sql += " PARTITION BY " + key_tuple(plan.partition_by);
  sql += " ORDER BY " + key_tuple(sorting_columns(plan));
  if (options.retention.count() > 0) sql += " TTL " + ttl_expression(options.retention);
  sql += " SETTINGS non_replicated_deduplication_window = " + std::to_string(kDeduplicationWindow);
  if (options.sync) sql += ", fsync_after_insert = 1, fsync_part_directory = 1";
  return sql + " COMMENT " + quote_string(table_comment(plan, options));
}

std::string create_reader_view_sql(const std::string& database, const std::string& table, Seq hot_start,
                                   const std::vector<ReaderColumn>& columns) {
  std::vector<std::string> selected;
  for (const ReaderColumn& column : columns) {
    selected.push_back(column.expression + " AS " + quote_identifier(column.name));
  }
  // With our rights: whoever reads it needs to see nothing else.
  return "CREATE OR REPLACE VIEW " + qualified(reader_database(database), reader_view(table, hot_start)) +
         " DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT " + joined(selected) + " FROM " + qualified(database, table);
}

std::string create_fence_sql(std::string_view database) {
  return "CREATE TABLE IF NOT EXISTS " + qualified(database, kFenceTable) +
         " (k String, epoch Int64) ENGINE = Join(ANY, LEFT, k) SETTINGS join_any_take_last_row = 1";
}

}  // namespace weir::clickhouse
