#include "lake/delta_schema.h"

#include <arrow/type.h>

#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "schema/column_type.h"

namespace weir::lake {
namespace {

using nlohmann::json;

// Delta's JSON names of scalar types and their SQL spelling.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kScalars{{
    {"boolean", "BOOLEAN"},
    {"byte", "TINYINT"},
    {"short", "SMALLINT"},
    {"integer", "INT"},
    {"long", "BIGINT"},
    {"float", "FLOAT"},
    {"double", "DOUBLE"},
    {"string", "STRING"},
    {"binary", "BINARY"},
    {"date", "DATE"},
    {"timestamp", "TIMESTAMP"},
    {"timestamp_ntz", "TIMESTAMP_NTZ"},
}};

std::string scalar_spelling(const std::string& name) {
  for (const auto& [delta, sql] : kScalars) {
    if (name == delta) return std::string(sql);
  }
  if (name.starts_with("decimal(")) return "DECIMAL" + name.substr(7);
  return name;
}

std::string spelling(const json& type) {
  if (type.is_string()) return scalar_spelling(type.get<std::string>());
  const auto kind = type.at("type").get<std::string>();
  if (kind == "array") return "ARRAY<" + spelling(type.at("elementType")) + ">";
  if (kind != "struct") return type.dump();
  std::string text = "STRUCT<";
  for (const json& field : type.at("fields")) {
    if (!text.ends_with('<')) text += ", ";
    text += field.at("name").get<std::string>() + ": " + spelling(field.at("type"));
  }
  return text + ">";
}

}  // namespace

std::string to_string(const DeltaColumn& column) {
  return column.name + " " + column.type + (column.nullable ? "" : " NOT NULL");
}

Result<std::vector<DeltaColumn>> parse_delta_schema(std::string_view schema_json) {
  try {
    std::vector<DeltaColumn> columns;
    const json schema = json::parse(schema_json);
    for (const json& field : schema.at("fields")) {
      columns.push_back(
          {field.at("name").get<std::string>(), spelling(field.at("type")), field.at("nullable").get<bool>()});
    }
    return columns;
  } catch (const json::exception& e) {
    return data_loss("the table's schema cannot be read: " + std::string(e.what()));
  }
}

Result<std::vector<DeltaColumn>> delta_columns(const arrow::Schema& schema) {
  std::vector<DeltaColumn> columns;
  for (const auto& field : schema.fields()) {
    const Result<ColumnType> type = column_type_of(*field->type());
    if (!type.ok()) return type.status().with_context("column " + field->name());
    columns.push_back({field->name(), delta_type(*type), field->nullable()});
  }
  return columns;
}

}  // namespace weir::lake
