#pragma once

#include <array>
#include <string_view>

#include "schema/column_type.h"

namespace weir {

/// One row of the type map: a type without parameters and its spelling in every store.
struct ScalarType {
  TypeKind kind;
  std::string_view name;  ///< In the pipeline file.
  std::string_view delta;
  std::string_view clickhouse;
  std::string_view trino;
};

/// The type map of docs/formats/rows.md; a test compares the two. decimal, list and struct are made from their parts.
inline constexpr std::array<ScalarType, 17> kScalarTypes{{
    {TypeKind::kBool, "bool", "BOOLEAN", "Bool", "boolean"},
    {TypeKind::kInt8, "int8", "TINYINT", "Int8", "tinyint"},
    {TypeKind::kInt16, "int16", "SMALLINT", "Int16", "smallint"},
    {TypeKind::kInt32, "int32", "INT", "Int32", "integer"},
    {TypeKind::kInt64, "int64", "BIGINT", "Int64", "bigint"},
    {TypeKind::kUInt8, "uint8", "SMALLINT", "UInt8", "smallint"},
    {TypeKind::kUInt16, "uint16", "INT", "UInt16", "integer"},
    {TypeKind::kUInt32, "uint32", "BIGINT", "UInt32", "bigint"},
    {TypeKind::kUInt64, "uint64", "DECIMAL(20,0)", "UInt64", "decimal(20,0)"},
    {TypeKind::kFloat32, "float32", "FLOAT", "Float32", "real"},
    {TypeKind::kFloat64, "float64", "DOUBLE", "Float64", "double"},
    {TypeKind::kString, "string", "STRING", "String", "varchar"},
    {TypeKind::kBinary, "binary", "BINARY", "String", "varbinary"},
    {TypeKind::kDate, "date", "DATE", "Date32", "date"},
    {TypeKind::kTimestamp, "timestamp", "TIMESTAMP", "DateTime64(6, 'UTC')", "timestamp(3) with time zone"},
    {TypeKind::kUuid, "uuid", "STRING", "UUID", "varchar"},
    {TypeKind::kJson, "json", "STRING", "String", "varchar"},
}};

/// Row of `kind`; nullptr for decimal, list and struct.
[[nodiscard]] constexpr const ScalarType* scalar_type(TypeKind kind) {
  for (const ScalarType& scalar : kScalarTypes) {
    if (scalar.kind == kind) return &scalar;
  }
  return nullptr;
}

}  // namespace weir
