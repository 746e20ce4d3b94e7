#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace arrow {
class DataType;
}

namespace weir {

/// The types a pipeline file may name.
enum class TypeKind : uint8_t {
  kBool, kInt8, kInt16, kInt32, kInt64, kUInt8, kUInt16, kUInt32, kUInt64, kFloat32, kFloat64,
  kString, kBinary, kDate, kTimestamp, kDecimal, kUuid, kJson, kList, kStruct,
};

struct TypedField;

/// A column type as written in the pipeline file, for example `decimal(10,2)` or `list<struct<a:int64,b:string>>`.
/// Value type.
struct ColumnType {
  TypeKind kind = TypeKind::kString;
  int precision = 0;                  ///< kDecimal: 1..38 digits.
  int scale = 0;                      ///< kDecimal: 0..precision digits behind the point.
  std::vector<TypedField> children;   ///< kList: one, named "item"; kStruct: its fields.
};

struct TypedField {
  std::string name;
  ColumnType type;
};

[[nodiscard]] bool operator==(const ColumnType& a, const ColumnType& b);
[[nodiscard]] bool operator==(const TypedField& a, const TypedField& b);

/// kInvalidArgument names the text, the place in it, and the types there are.
[[nodiscard]] Result<ColumnType> parse_column_type(std::string_view text);

/// The spelling that parse_column_type reads back.
[[nodiscard]] std::string to_string(const ColumnType& type);

// The type map: each row of the table in docs/formats/rows.md is one function per store.

/// In memory. uuid and json are utf8; timestamp is timestamp(us, UTC); items of lists and fields of structs are never null.
[[nodiscard]] std::shared_ptr<arrow::DataType> arrow_type(const ColumnType& type);

/// In the lake, for people and comparison (Delta SQL spelling, e.g. "DECIMAL(20,0)").
[[nodiscard]] std::string delta_type(const ColumnType& type);

/// In ClickHouse; `nullable` wraps it as Nullable(...) where ClickHouse can. Timestamps are DateTime64(6, 'UTC').
[[nodiscard]] std::string clickhouse_type(const ColumnType& type, bool nullable);

/// Through Trino's view.
[[nodiscard]] std::string trino_type(const ColumnType& type);

/// The ColumnType an Arrow type of a SQL result stands for; kInvalidArgument names a type the stores cannot hold.
/// utf8 yields kString: uuid and json are known only where a column passes through SQL under its own name.
[[nodiscard]] Result<ColumnType> column_type_of(const arrow::DataType& type);

}  // namespace weir
