#include <arrow/type.h>

#include "schema/column_type.h"
#include "schema/scalar_types.h"

namespace weir {
namespace {

std::string digits(const ColumnType& type) {
  return "(" + std::to_string(type.precision) + "," + std::to_string(type.scale) + ")";
}

// How a store spells the types that have parts.
struct Spelling {
  std::string_view ScalarType::*scalar;
  std::string_view decimal;
  std::string_view list_open, list_close;
  std::string_view struct_open, struct_close;
  std::string_view after_name;
};

constexpr Spelling kDeltaSpelling{&ScalarType::delta, "DECIMAL", "ARRAY<", ">", "STRUCT<", ">", ": "};
constexpr Spelling kClickHouseSpelling{&ScalarType::clickhouse, "Decimal", "Array(", ")", "Tuple(", ")", " "};
constexpr Spelling kTrinoSpelling{&ScalarType::trino, "decimal", "array(", ")", "row(", ")", " "};

std::string spell(const ColumnType& type, const Spelling& spelling) {
  if (const ScalarType* scalar = scalar_type(type.kind)) return std::string(scalar->*(spelling.scalar));
  if (type.kind == TypeKind::kDecimal) return std::string(spelling.decimal) + digits(type);
  if (type.kind == TypeKind::kList) {
    return std::string(spelling.list_open) + spell(type.children.front().type, spelling) +
           std::string(spelling.list_close);
  }
  std::string text(spelling.struct_open);
  for (size_t i = 0; i < type.children.size(); ++i) {
    const TypedField& field = type.children[i];
    if (i > 0) text += ", ";
    text += field.name + std::string(spelling.after_name) + spell(field.type, spelling);
  }
  return text + std::string(spelling.struct_close);
}

Status cannot_hold(const arrow::DataType& type, std::string_view hint) {
  return invalid_argument("the stores cannot hold the type " + type.ToString() + std::string(hint));
}

Result<ColumnType> decimal_of(const arrow::DataType& type) {
  const auto& decimal = static_cast<const arrow::DecimalType&>(type);
  if (decimal.precision() < 1 || decimal.precision() > 38 || decimal.scale() < 0 ||
      decimal.scale() > decimal.precision()) {
    return cannot_hold(type, ": decimals have 1 to 38 digits, 0 to all of them behind the point");
  }
  return ColumnType{.kind = TypeKind::kDecimal, .precision = decimal.precision(), .scale = decimal.scale()};
}

Result<ColumnType> timestamp_of(const arrow::DataType& type) {
  const auto& timestamp = static_cast<const arrow::TimestampType&>(type);
  const std::string& zone = timestamp.timezone();
  if (timestamp.unit() == arrow::TimeUnit::MICRO && (zone == "UTC" || zone == "+00:00")) {
    return ColumnType{.kind = TypeKind::kTimestamp};
  }
  return cannot_hold(type, ": cast it to timestamp(us, UTC), arrow_cast(x, 'Timestamp(Microsecond, Some(\"UTC\"))')");
}

Result<ColumnType> nested_of(const arrow::DataType& type, TypeKind kind) {
  ColumnType result{.kind = kind};
  for (const std::shared_ptr<arrow::Field>& field : type.fields()) {
    WEIR_ASSIGN_OR_RETURN(ColumnType child, column_type_of(*field->type()));
    result.children.push_back({kind == TypeKind::kList ? "item" : field->name(), std::move(child)});
  }
  if (result.children.empty()) return cannot_hold(type, ": a struct without fields");
  return result;
}

}  // namespace

std::shared_ptr<arrow::DataType> arrow_type(const ColumnType& type) {
  switch (type.kind) {
    case TypeKind::kBool: return arrow::boolean();
    case TypeKind::kInt8: return arrow::int8();
    case TypeKind::kInt16: return arrow::int16();
    case TypeKind::kInt32: return arrow::int32();
    case TypeKind::kInt64: return arrow::int64();
    case TypeKind::kUInt8: return arrow::uint8();
    case TypeKind::kUInt16: return arrow::uint16();
    case TypeKind::kUInt32: return arrow::uint32();
    case TypeKind::kUInt64: return arrow::uint64();
    case TypeKind::kFloat32: return arrow::float32();
    case TypeKind::kFloat64: return arrow::float64();
    case TypeKind::kString:
    case TypeKind::kUuid:
    case TypeKind::kJson: return arrow::utf8();
    case TypeKind::kBinary: return arrow::binary();
    case TypeKind::kDate: return arrow::date32();
    case TypeKind::kTimestamp: return arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    case TypeKind::kDecimal: return std::make_shared<arrow::Decimal128Type>(type.precision, type.scale);
    case TypeKind::kList: return arrow::list(arrow::field("item", arrow_type(type.children.front().type), false));
    case TypeKind::kStruct: break;
  }
  arrow::FieldVector fields;
  for (const TypedField& child : type.children) fields.push_back(arrow::field(child.name, arrow_type(child.type), false));
  return arrow::struct_(std::move(fields));
}

std::string delta_type(const ColumnType& type) { return spell(type, kDeltaSpelling); }

std::string clickhouse_type(const ColumnType& type, bool nullable) {
  const bool nested = type.kind == TypeKind::kList || type.kind == TypeKind::kStruct;
  const std::string text = spell(type, kClickHouseSpelling);
  return nullable && !nested ? "Nullable(" + text + ")" : text;
}

std::string trino_type(const ColumnType& type) { return spell(type, kTrinoSpelling); }

Result<ColumnType> column_type_of(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL: return ColumnType{.kind = TypeKind::kBool};
    case arrow::Type::INT8: return ColumnType{.kind = TypeKind::kInt8};
    case arrow::Type::INT16: return ColumnType{.kind = TypeKind::kInt16};
    case arrow::Type::INT32: return ColumnType{.kind = TypeKind::kInt32};
    case arrow::Type::INT64: return ColumnType{.kind = TypeKind::kInt64};
    case arrow::Type::UINT8: return ColumnType{.kind = TypeKind::kUInt8};
    case arrow::Type::UINT16: return ColumnType{.kind = TypeKind::kUInt16};
    case arrow::Type::UINT32: return ColumnType{.kind = TypeKind::kUInt32};
    case arrow::Type::UINT64: return ColumnType{.kind = TypeKind::kUInt64};
    case arrow::Type::FLOAT: return ColumnType{.kind = TypeKind::kFloat32};
    case arrow::Type::DOUBLE: return ColumnType{.kind = TypeKind::kFloat64};
    // The engine also answers with the view and 64-bit layouts; the sinks take every layout of the same values.
    case arrow::Type::STRING:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::STRING_VIEW: return ColumnType{.kind = TypeKind::kString};
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::BINARY_VIEW: return ColumnType{.kind = TypeKind::kBinary};
    case arrow::Type::DATE32: return ColumnType{.kind = TypeKind::kDate};
    case arrow::Type::TIMESTAMP: return timestamp_of(type);
    case arrow::Type::DECIMAL128: return decimal_of(type);
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST: return nested_of(type, TypeKind::kList);
    case arrow::Type::STRUCT: return nested_of(type, TypeKind::kStruct);
    case arrow::Type::NA: return cannot_hold(type, ": give the NULL a type, CAST(NULL AS ...)");
    default: return cannot_hold(type, "");
  }
}

}  // namespace weir
