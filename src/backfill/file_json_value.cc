#include "backfill/file_json_value.h"

#include <arrow/array.h>
#include <arrow/array/array_dict.h>
#include <arrow/extension_type.h>
#include <arrow/type.h>
#include <arrow/util/float16.h>

#include "backfill/file_columns.h"
#include "backfill/file_json_text.h"

namespace weir::backfill {
namespace {

using arrow::Type;

constexpr int kUuidBytes = 16;

int64_t per_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND: return 1;
    case arrow::TimeUnit::MILLI: return 1'000;
    case arrow::TimeUnit::MICRO: return 1'000'000;
    case arrow::TimeUnit::NANO: return 1'000'000'000;
  }
  return 1;
}

template <typename Array>
const Array& as(const arrow::Array& array) {
  return static_cast<const Array&>(array);
}

bool takes(const JsonShape& shape, TypeKind kind) { return shape.taken_as != nullptr && shape.taken_as->kind == kind; }

// Text, or bytes that a text column takes as text.
bool append_text(std::string_view text, const JsonShape& shape, std::string* json) {
  if (takes(shape, TypeKind::kBinary)) {
    append_json_base64(text, json);
  } else if (takes(shape, TypeKind::kJson)) {
    const bool valid = is_json(text);
    if (valid) {
      json->append(text);
    } else {
      append_json_string(text, json);
    }
    return valid;
  } else {
    append_json_string(text, json);
  }
  return true;
}

bool append_bytes(std::string_view bytes, const JsonShape& shape, std::string* json) {
  if (takes(shape, TypeKind::kUuid) && bytes.size() == kUuidBytes) {
    append_json_uuid(bytes, json);
    return true;
  }
  if (shape.taken_as != nullptr && !takes(shape, TypeKind::kBinary)) return append_text(bytes, shape, json);
  append_json_base64(bytes, json);
  return true;
}

bool append_list(const arrow::Array& items, int64_t first, int64_t count, const JsonShape& shape, std::string* json) {
  bool valid = true;
  json->push_back('[');
  for (int64_t i = 0; i < count; ++i) {
    if (i > 0) json->push_back(',');
    valid = append_json_value(items, first + i, shape.children.front(), json) && valid;
  }
  json->push_back(']');
  return valid;
}

bool append_struct(const arrow::StructArray& array, int64_t i, const JsonShape& shape, std::string* json) {
  bool valid = true;
  json->push_back('{');
  for (int field = 0; field < array.num_fields(); ++field) {
    if (field > 0) json->push_back(',');
    const JsonShape& child = shape.children[static_cast<size_t>(field)];
    json->append(child.key);
    valid = append_json_value(*array.field(field), i, child, json) && valid;
  }
  json->push_back('}');
  return valid;
}

// A map with text as keys is an object.
bool append_map(const arrow::MapArray& array, int64_t i, const JsonShape& shape, std::string* json) {
  bool valid = true;
  json->push_back('{');
  for (int64_t at = array.value_offset(i); at < array.value_offset(i) + array.value_length(i); ++at) {
    if (at > array.value_offset(i)) json->push_back(',');
    valid = append_json_value(*array.keys(), at, shape.children[0], json) && valid;
    json->push_back(':');
    valid = append_json_value(*array.items(), at, shape.children[1], json) && valid;
  }
  json->push_back('}');
  return valid;
}

template <typename Array>
void append_number(const arrow::Array& array, int64_t i, std::string* json) {
  json->append(std::to_string(as<Array>(array).Value(i)));
}

// A column of doubles gets the very value, any other one the digits that a person would write for a float.
void append_float32(float value, const JsonShape& shape, std::string* json) {
  if (takes(shape, TypeKind::kFloat64)) {
    append_json_float(static_cast<double>(value), json);
  } else {
    append_json_float(value, json);
  }
}

bool append_nested(const arrow::Array& array, int64_t i, const JsonShape& shape, std::string* json) {
  switch (array.type_id()) {
    case Type::STRUCT: return append_struct(as<arrow::StructArray>(array), i, shape, json);
    case Type::MAP: return append_map(as<arrow::MapArray>(array), i, shape, json);
    case Type::LIST: {
      const auto& list = as<arrow::ListArray>(array);
      return append_list(*list.values(), list.value_offset(i), list.value_length(i), shape, json);
    }
    case Type::LARGE_LIST: {
      const auto& list = as<arrow::LargeListArray>(array);
      return append_list(*list.values(), list.value_offset(i), list.value_length(i), shape, json);
    }
    case Type::FIXED_SIZE_LIST: {
      const auto& list = as<arrow::FixedSizeListArray>(array);
      return append_list(*list.values(), list.value_offset(i), list.value_length(i), shape, json);
    }
    case Type::DICTIONARY: {
      const auto& dictionary = as<arrow::DictionaryArray>(array);
      return append_json_value(*dictionary.dictionary(), dictionary.GetValueIndex(i), shape, json);
    }
    case Type::EXTENSION:
      return append_json_value(*as<arrow::ExtensionArray>(array).storage(), i, shape, json);
    default: return false;
  }
}

bool append_time(const arrow::Array& array, int64_t i, std::string* json) {
  switch (array.type_id()) {
    case Type::DATE32: append_json_date(as<arrow::Date32Array>(array).Value(i), json); return true;
    case Type::DATE64: append_json_date(as<arrow::Date64Array>(array).Value(i) / 86'400'000, json); return true;
    case Type::TIMESTAMP: {
      const auto unit = static_cast<const arrow::TimestampType&>(*array.type()).unit();
      append_json_timestamp(as<arrow::TimestampArray>(array).Value(i), per_second(unit), json);
      return true;
    }
    case Type::TIME32: {
      const auto unit = static_cast<const arrow::Time32Type&>(*array.type()).unit();
      append_json_time(as<arrow::Time32Array>(array).Value(i), per_second(unit), json);
      return true;
    }
    case Type::TIME64: {
      const auto unit = static_cast<const arrow::Time64Type&>(*array.type()).unit();
      append_json_time(as<arrow::Time64Array>(array).Value(i), per_second(unit), json);
      return true;
    }
    default: return false;
  }
}

void add_children(const arrow::DataType& type, const ColumnType* taken_as, const Plan& plan,
                  const std::vector<std::string>& names, JsonShape* shape);

JsonShape shape_of(const arrow::DataType& type, const ColumnType* taken_as, const Plan& plan,
                   const std::vector<std::string>& names) {
  JsonShape shape;
  shape.taken_as = taken_as;
  if (taken_as == nullptr && !names.empty()) {
    if (const InputColumn* column = column_at(plan, names)) shape.taken_as = &column->type;
  }
  add_children(type, shape.taken_as, plan, names, &shape);
  return shape;
}

// `names`: the pointer of the value, empty where none leads there (items of lists).
void add_children(const arrow::DataType& type, const ColumnType* taken_as, const Plan& plan,
                  const std::vector<std::string>& names, JsonShape* shape) {
  if (type.id() == Type::EXTENSION) {
    add_children(*static_cast<const arrow::ExtensionType&>(type).storage_type(), taken_as, plan, names, shape);
  } else if (type.id() == Type::DICTIONARY) {
    add_children(*static_cast<const arrow::DictionaryType&>(type).value_type(), taken_as, plan, names, shape);
  } else if (type.id() == Type::MAP) {
    const auto& map = static_cast<const arrow::MapType&>(type);
    shape->children.push_back(shape_of(*map.key_type(), nullptr, plan, {}));
    shape->children.push_back(shape_of(*map.item_type(), nullptr, plan, {}));
  } else if (type.id() == Type::STRUCT) {
    for (const auto& field : type.fields()) {
      const ColumnType* child_type = nullptr;
      if (taken_as != nullptr && taken_as->kind == TypeKind::kStruct) {
        for (const TypedField& wanted : taken_as->children) {
          if (wanted.name == field->name()) child_type = &wanted.type;
        }
      }
      std::vector<std::string> child_names = names;
      if (!names.empty()) child_names.push_back(field->name());
      shape->children.push_back(shape_of(*field->type(), child_type, plan, child_names));
      shape->children.back().name = field->name();
      append_json_string(field->name(), &shape->children.back().key);
      shape->children.back().key.push_back(':');
    }
  } else if (type.num_fields() == 1) {
    const bool list_taken = taken_as != nullptr && taken_as->kind == TypeKind::kList;
    shape->children.push_back(
        shape_of(*type.field(0)->type(), list_taken ? &taken_as->children.front().type : nullptr, plan, {}));
  }
}

}  // namespace

JsonShape json_shape(const Plan& plan, const std::string& name, const arrow::DataType& type) {
  JsonShape shape = shape_of(type, nullptr, plan, {name});
  shape.name = name;
  append_json_string(name, &shape.key);
  shape.key.push_back(':');
  return shape;
}

bool append_json_value(const arrow::Array& array, int64_t i, const JsonShape& shape, std::string* json) {
  if (array.IsNull(i)) {
    json->append("null");
    return true;
  }
  switch (array.type_id()) {
    case Type::NA: json->append("null"); return true;
    case Type::BOOL: json->append(as<arrow::BooleanArray>(array).Value(i) ? "true" : "false"); return true;
    case Type::INT8: append_number<arrow::Int8Array>(array, i, json); return true;
    case Type::INT16: append_number<arrow::Int16Array>(array, i, json); return true;
    case Type::INT32: append_number<arrow::Int32Array>(array, i, json); return true;
    case Type::INT64: append_number<arrow::Int64Array>(array, i, json); return true;
    case Type::UINT8: append_number<arrow::UInt8Array>(array, i, json); return true;
    case Type::UINT16: append_number<arrow::UInt16Array>(array, i, json); return true;
    case Type::UINT32: append_number<arrow::UInt32Array>(array, i, json); return true;
    case Type::UINT64: append_number<arrow::UInt64Array>(array, i, json); return true;
    case Type::HALF_FLOAT:
      append_float32(arrow::util::Float16::FromBits(as<arrow::HalfFloatArray>(array).Value(i)).ToFloat(), shape, json);
      return true;
    case Type::FLOAT: append_float32(as<arrow::FloatArray>(array).Value(i), shape, json); return true;
    case Type::DOUBLE: append_json_float(as<arrow::DoubleArray>(array).Value(i), json); return true;
    case Type::DECIMAL32: json->append(as<arrow::Decimal32Array>(array).FormatValue(i)); return true;
    case Type::DECIMAL64: json->append(as<arrow::Decimal64Array>(array).FormatValue(i)); return true;
    case Type::DECIMAL128: json->append(as<arrow::Decimal128Array>(array).FormatValue(i)); return true;
    case Type::DECIMAL256: json->append(as<arrow::Decimal256Array>(array).FormatValue(i)); return true;
    case Type::STRING: return append_text(as<arrow::StringArray>(array).GetView(i), shape, json);
    case Type::LARGE_STRING: return append_text(as<arrow::LargeStringArray>(array).GetView(i), shape, json);
    case Type::STRING_VIEW: return append_text(as<arrow::StringViewArray>(array).GetView(i), shape, json);
    case Type::BINARY: return append_bytes(as<arrow::BinaryArray>(array).GetView(i), shape, json);
    case Type::LARGE_BINARY: return append_bytes(as<arrow::LargeBinaryArray>(array).GetView(i), shape, json);
    case Type::BINARY_VIEW: return append_bytes(as<arrow::BinaryViewArray>(array).GetView(i), shape, json);
    case Type::FIXED_SIZE_BINARY: return append_bytes(as<arrow::FixedSizeBinaryArray>(array).GetView(i), shape, json);
    case Type::DATE32:
    case Type::DATE64:
    case Type::TIMESTAMP:
    case Type::TIME32:
    case Type::TIME64: return append_time(array, i, json);
    default: return append_nested(array, i, shape, json);
  }
}

}  // namespace weir::backfill
