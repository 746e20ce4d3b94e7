#include "engine/table_description.h"

#include <nlohmann/json.hpp>

namespace weir::engine {
namespace {

using nlohmann::json;

std::optional<int64_t> optional_count(const json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return std::nullopt;
  return found->get<int64_t>();
}

DataFile data_file(const json& object) {
  DataFile file;
  file.path = object.at("path").get<std::string>();
  file.size_bytes = object.at("size").get<int64_t>();
  file.rows = optional_count(object, "num_rows");
  file.modified_ms = optional_count(object, "modification_time").value_or(0);
  if (const auto values = object.find("partition_values"); values != object.end()) {
    file.partition_values_json = values->dump();
  }
  if (const auto stats = object.find("stats"); stats != object.end() && stats->is_object()) {
    file.stats_json = stats->dump();
  }
  return file;
}

TableDescription description(const json& object) {
  TableDescription table;
  table.version = object.at("version").get<int64_t>();
  table.schema_json = object.at("schema").dump();
  table.partition_columns = object.at("partition_columns").get<std::vector<std::string>>();
  table.properties = object.at("properties").get<std::map<std::string, std::string>>();
  table.txns = object.at("txns").get<std::map<std::string, int64_t>>();
  table.files = object.at("num_files").get<int64_t>();
  table.rows = optional_count(object, "num_rows");
  table.size_bytes = object.at("size_bytes").get<int64_t>();
  if (const auto files = object.find("files"); files != object.end()) {
    for (const json& file : *files) table.data_files.push_back(data_file(file));
  }
  return table;
}

}  // namespace

Result<TableDescription> parse_table_description(std::string_view text) {
  try {
    return description(json::parse(text));
  } catch (const json::exception& e) {
    return internal_error("the engine described a table in an unexpected way: " + std::string(e.what()));
  }
}

}  // namespace weir::engine
