#include "cli/schema_report.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/text_table.h"

namespace weir::cli {
namespace {

struct ReportedColumn {
  std::string name;
  std::string type;
  std::string delta;
  std::string clickhouse;
  std::string trino;
  bool nullable = false;
  bool system = false;
  bool rounded = false;  ///< Holds times that Trino shows in milliseconds.
};

// Trino's reader of Delta rounds, and the view makes ClickHouse's side do the same.
bool holds_times(const ColumnType& type) {
  if (type.kind == TypeKind::kTimestamp) return true;
  for (const TypedField& child : type.children) {
    if (holds_times(child.type)) return true;
  }
  return false;
}

ReportedColumn system_column(std::string_view name, TypeKind kind) {
  const ColumnType type{.kind = kind};
  ReportedColumn column{std::string(name), to_string(type), delta_type(type), clickhouse_type(type, false),
                        trino_type(type)};
  if (name == kSubjectColumn) column.clickhouse = "LowCardinality(String)";
  column.system = true;
  column.rounded = holds_times(type);
  return column;
}

std::vector<ReportedColumn> columns_of(const TableSection& table) {
  std::vector<ReportedColumn> columns;
  for (const RowColumn& row : table.plan.rows) {
    columns.push_back({row.name, to_string(row.type), delta_type(row.type), clickhouse_type(row.type, row.nullable),
                       trino_type(row.type), row.nullable, /*system=*/false, holds_times(row.type)});
  }
  columns.push_back(system_column(kShardColumn, TypeKind::kInt32));
  columns.push_back(system_column(kSeqColumn, TypeKind::kInt64));
  columns.push_back(system_column(kRowColumn, TypeKind::kInt32));
  columns.push_back(system_column(kTimeColumn, TypeKind::kTimestamp));
  columns.push_back(system_column(kSubjectColumn, TypeKind::kString));
  return columns;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::string lake_place(const PipelineConfig& config, const TableSection& table) {
  return config.lake.url + "/" + table.plan.table;
}

std::string clickhouse_place(const PipelineConfig& config, const TableSection& table) {
  return config.clickhouse->database + "." + table.plan.table;
}

std::string trino_place(const PipelineConfig& config, const TableSection& table) {
  return config.trino->lake_catalog + ".weir." + table.plan.table;
}

// What a person would not expect of the types alone.
std::string trino_notes(const std::vector<ReportedColumn>& columns) {
  std::vector<std::string> rounded;
  for (const ReportedColumn& column : columns) {
    if (column.rounded) rounded.push_back(column.name);
  }
  return "  Trino rounds times to milliseconds: " + joined(rounded) + "\n";
}

}  // namespace

std::string schema_text(const PipelineConfig& config, const TableSection& table) {
  const Plan& plan = table.plan;
  std::string text = "table " + plan.table + (table.from_table.empty() ? " from stream " + table.stream + ", subjects " +
                                                                            joined(table.subjects)
                                                                      : " from table " + table.from_table) +
                     "\n";
  const std::string partitions = plan.partition_by.empty() ? "" : ", partitioned by " + joined(plan.partition_by);
  text += "  plan        " + plan.id() + "\n";
  text += "  lake        " + lake_place(config, table) + partitions + "\n";
  if (config.clickhouse) {
    const std::string order = plan.order_by.empty() ? "" : ", ordered by " + joined(plan.order_by);
    text += "  ClickHouse  " + clickhouse_place(config, table) + partitions + order + "\n";
  }
  if (config.trino) text += "  Trino       " + trino_place(config, table) + "\n";
  const std::vector<ReportedColumn> reported = columns_of(table);
  TextTable columns;
  columns.add(config.clickhouse ? std::vector<std::string>{"column", "type", "Delta", "ClickHouse", "Trino", "nullable"}
                                : std::vector<std::string>{"column", "type", "Delta", "Trino", "nullable"});
  for (const ReportedColumn& column : reported) {
    std::vector<std::string> row = {column.name, column.type, column.delta};
    if (config.clickhouse) row.push_back(column.clickhouse);
    row.push_back(column.trino);
    row.push_back(column.nullable ? "yes" : "no");
    columns.add(std::move(row));
  }
  return text + columns.render("  ") + (config.trino ? trino_notes(reported) : "");
}

nlohmann::ordered_json schema_json(const PipelineConfig& config, const TableSection& table) {
  const bool hot = config.clickhouse.has_value();
  auto columns = nlohmann::ordered_json::array();
  for (const ReportedColumn& column : columns_of(table)) {
    columns.push_back(
        {{"name", column.name},
         {"type", column.type},
         {"delta", column.delta},
         {"clickhouse", hot ? nlohmann::ordered_json(column.clickhouse) : nlohmann::ordered_json(nullptr)},
         {"trino", column.trino},
         {"trino_rounds_to_ms", column.rounded},
         {"nullable", column.nullable},
         {"system", column.system}});
  }
  nlohmann::ordered_json json;
  json["name"] = table.plan.table;
  if (table.from_table.empty()) {
    json["stream"] = table.stream;
    json["subjects"] = table.subjects;
  } else {
    json["from_table"] = table.from_table;
  }
  json["plan_id"] = table.plan.id();
  json["lake"] = lake_place(config, table);
  json["clickhouse"] = hot ? nlohmann::ordered_json(clickhouse_place(config, table)) : nlohmann::ordered_json(nullptr);
  json["trino"] = config.trino ? nlohmann::ordered_json(trino_place(config, table)) : nlohmann::ordered_json(nullptr);
  json["partition_by"] = table.plan.partition_by;
  json["order_by"] = table.plan.order_by;
  json["columns"] = std::move(columns);
  return json;
}

}  // namespace weir::cli
