#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir::engine {

/// One data file that a snapshot refers to.
struct DataFile {
  std::string path;  ///< Relative to the table.
  int64_t size_bytes = 0;
  std::optional<int64_t> rows;        ///< Empty when the file has no statistics.
  int64_t modified_ms = 0;            ///< Milliseconds since 1970-01-01 UTC.
  std::string partition_values_json;  ///< Object: column -> value as text, or null.
  std::string stats_json;             ///< Delta's per-file statistics; empty without.
};

/// What a version of a Delta table says about itself. Value type.
struct TableDescription {
  int64_t version = 0;
  std::string schema_json;  ///< Delta's schema object: {"type":"struct","fields":[..]}.
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> properties;
  std::map<std::string, int64_t> txns;  ///< Application transactions by app id.
  int64_t files = 0;
  std::optional<int64_t> rows;  ///< Empty when a file has no statistics.
  int64_t size_bytes = 0;
  std::vector<DataFile> data_files;  ///< Only when asked for.
};

/// Reads the engine's JSON. kInternal when it is not what the ABI promises.
[[nodiscard]] Result<TableDescription> parse_table_description(std::string_view json);

}  // namespace weir::engine
