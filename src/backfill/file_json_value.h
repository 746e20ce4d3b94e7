#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "backfill/file_batch.h"
#include "base/status.h"
#include "schema/table_schema.h"

namespace arrow {
class Array;
class DataType;
}  // namespace arrow

namespace weir::backfill {

/// How values of one Arrow type become JSON, given what takes them. Made once per column, used for every value.
struct JsonShape {
  std::string key;                      ///< Of a struct's field: "\"name\":".
  std::string name;                     ///< The same, bare.
  const ColumnType* taken_as = nullptr;  ///< Type of the column (or its item or field) that takes the value; null: none.
  std::vector<JsonShape> children;      ///< Of lists, structs and maps, as the type has them.
};

/// The shape of the top-level column `name`. Borrows from `plan`.
[[nodiscard]] JsonShape json_shape(const Plan& plan, const std::string& name, const arrow::DataType& type);

/// Whether some value of `type` can become one of `column`. kInvalidArgument names both types.
[[nodiscard]] Status check_fits(const arrow::DataType& type, const ColumnType& column);

/// Whether values of `type` can be written as JSON at all; kInvalidArgument names the type that cannot.
[[nodiscard]] Status check_writable(const arrow::DataType& type);

/// Appends value `i` of `array`. False: a json column takes a text in it that is no JSON; it was written as a string.
/// Requires: check_writable(type), `shape` was made for the array's type.
[[nodiscard]] bool append_json_value(const arrow::Array& array, int64_t i, const JsonShape& shape, std::string* json);

}  // namespace weir::backfill
