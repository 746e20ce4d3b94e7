#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace arrow {
class Schema;
}

namespace weir::lake {

/// A column of a Delta table, its type in Delta's SQL spelling ("DECIMAL(20,0)", "ARRAY<BIGINT>").
struct DeltaColumn {
  std::string name;
  std::string type;
  bool nullable = true;
  friend bool operator==(const DeltaColumn&, const DeltaColumn&) = default;
};

/// "fare DECIMAL(10,2) NOT NULL"
[[nodiscard]] std::string to_string(const DeltaColumn& column);

/// Reads Delta's schema object. kDataLoss when it is not one. A type that Weir does not know keeps Delta's own
/// spelling.
[[nodiscard]] Result<std::vector<DeltaColumn>> parse_delta_schema(std::string_view schema_json);

/// What rows of `schema` look like in a lake. kInvalidArgument names a column that no lake can hold.
[[nodiscard]] Result<std::vector<DeltaColumn>> delta_columns(const arrow::Schema& schema);

}  // namespace weir::lake
