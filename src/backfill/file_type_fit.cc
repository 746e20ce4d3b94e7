// Which Arrow types can become which column types by way of JSON; docs/formats/files.md has the table.
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/type_traits.h>

#include <algorithm>

#include "backfill/file_json_value.h"

namespace weir::backfill {
namespace {

using arrow::Type;

const arrow::DataType& plain(const arrow::DataType& type) {
  if (type.id() == Type::EXTENSION) return plain(*static_cast<const arrow::ExtensionType&>(type).storage_type());
  if (type.id() == Type::DICTIONARY) return plain(*static_cast<const arrow::DictionaryType&>(type).value_type());
  return type;
}

bool is_text(Type::type id) { return id == Type::STRING || id == Type::LARGE_STRING || id == Type::STRING_VIEW; }

bool is_bytes(Type::type id) {
  return id == Type::BINARY || id == Type::LARGE_BINARY || id == Type::BINARY_VIEW || id == Type::FIXED_SIZE_BINARY;
}

bool is_sequence(Type::type id) { return id == Type::LIST || id == Type::LARGE_LIST || id == Type::FIXED_SIZE_LIST; }

// Decimals are written with their scale, and an integer column takes no point.
bool is_whole(const arrow::DataType& type) {
  if (arrow::is_integer(type.id())) return true;
  return arrow::is_decimal(type.id()) && static_cast<const arrow::DecimalType&>(type).scale() == 0;
}

bool is_clock(Type::type id) {
  return id == Type::DATE32 || id == Type::DATE64 || id == Type::TIMESTAMP || id == Type::TIME32 || id == Type::TIME64;
}

bool fits(const arrow::DataType& declared, const ColumnType& column) {
  const arrow::DataType& type = plain(declared);
  const Type::type id = type.id();
  if (id == Type::NA || column.kind == TypeKind::kJson) return true;
  switch (column.kind) {
    case TypeKind::kBool: return id == Type::BOOL;
    case TypeKind::kFloat32:
    case TypeKind::kFloat64: return arrow::is_integer(id) || arrow::is_floating(id) || arrow::is_decimal(id);
    case TypeKind::kDecimal:
      return arrow::is_integer(id) || arrow::is_floating(id) || arrow::is_decimal(id) || is_text(id);
    case TypeKind::kString: return is_text(id) || is_bytes(id) || is_clock(id);
    case TypeKind::kBinary: return is_text(id) || is_bytes(id);
    case TypeKind::kDate: return id == Type::DATE32 || id == Type::DATE64 || is_text(id);
    case TypeKind::kTimestamp: return id == Type::TIMESTAMP || is_text(id);
    case TypeKind::kUuid: return is_text(id) || is_bytes(id);
    case TypeKind::kList: return is_sequence(id) && fits(*type.field(0)->type(), column.children.front().type);
    case TypeKind::kStruct:
      return id == Type::STRUCT && std::ranges::all_of(column.children, [&](const TypedField& wanted) {
               const auto field = static_cast<const arrow::StructType&>(type).GetFieldByName(wanted.name);
               return field != nullptr && fits(*field->type(), wanted.type);
             });
    default: return is_whole(type);
  }
}

}  // namespace

Status check_fits(const arrow::DataType& type, const ColumnType& column) {
  if (fits(type, column)) return ok_status();
  return invalid_argument("is " + type.ToString() + " in the file, and no such value fits " + to_string(column));
}

Status check_writable(const arrow::DataType& declared) {
  const arrow::DataType& type = plain(declared);
  const Type::type id = type.id();
  if (id == Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    if (!is_text(plain(*map.key_type()).id())) return invalid_argument(type.ToString() + " has keys that are no text");
    return check_writable(*map.item_type());
  }
  if (id == Type::STRUCT || is_sequence(id)) {
    for (const auto& field : type.fields()) WEIR_RETURN_IF_ERROR(check_writable(*field->type()));
    return ok_status();
  }
  const bool scalar = id == Type::NA || id == Type::BOOL || arrow::is_integer(id) || arrow::is_floating(id) ||
                      arrow::is_decimal(id) || is_text(id) || is_bytes(id) || is_clock(id);
  return scalar ? ok_status() : invalid_argument(type.ToString() + " is not supported");
}

}  // namespace weir::backfill
