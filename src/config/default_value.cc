#include "config/default_value.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "config/quantity.h"

namespace weir {
namespace {

std::string dump(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Status does_not_fit(const ColumnType& type, const std::string& advice) {
  return invalid_argument("does not fit type " + to_string(type) + "; write " + advice);
}

struct IntegerRange {
  int64_t min;
  int64_t max;
};

template <typename T>
constexpr IntegerRange range_of() {
  constexpr auto max = static_cast<uint64_t>(std::numeric_limits<T>::max());
  constexpr auto int64_max = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  return {static_cast<int64_t>(std::numeric_limits<T>::min()), static_cast<int64_t>(std::min(max, int64_max))};
}

IntegerRange integer_range(TypeKind kind) {
  switch (kind) {
    case TypeKind::kInt8: return range_of<int8_t>();
    case TypeKind::kInt16: return range_of<int16_t>();
    case TypeKind::kInt32: return range_of<int32_t>();
    case TypeKind::kUInt8: return range_of<uint8_t>();
    case TypeKind::kUInt16: return range_of<uint16_t>();
    case TypeKind::kUInt32: return range_of<uint32_t>();
    case TypeKind::kUInt64: return range_of<uint64_t>();
    default: return range_of<int64_t>();
  }
}

Result<std::string> integer_json(const TomlValue& value, const ColumnType& type) {
  const IntegerRange range = integer_range(type.kind);
  const auto* number = value.get_if<int64_t>();
  if (number != nullptr && *number >= range.min && *number <= range.max) return std::to_string(*number);
  return does_not_fit(type, "a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max));
}

Result<std::string> float_json(const TomlValue& value, const ColumnType& type) {
  double number = std::numeric_limits<double>::infinity();
  if (const auto* given = value.get_if<double>()) number = *given;
  if (const auto* given = value.get_if<int64_t>()) number = static_cast<double>(*given);
  const double max =
      type.kind == TypeKind::kFloat32 ? std::numeric_limits<float>::max() : std::numeric_limits<double>::max();
  if (!std::isfinite(number) || std::abs(number) > max) return does_not_fit(type, "a finite number in its range");
  return dump(number);
}

bool is_digits(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// [-]digits[.digits] without leading zeros (the JSON number grammar), within precision and scale.
bool is_decimal(std::string_view text, const ColumnType& type) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, std::min(point, text.size()));
  const std::string_view fraction = point == std::string_view::npos ? std::string_view() : text.substr(point + 1);
  if (whole.empty() || !is_digits(whole) || !is_digits(fraction)) return false;
  if (whole.size() > 1 && whole[0] == '0') return false;
  if (point != std::string_view::npos && fraction.empty()) return false;
  const size_t whole_digits = whole == "0" ? 0 : whole.size();
  return whole_digits <= static_cast<size_t>(type.precision - type.scale) &&
         fraction.size() <= static_cast<size_t>(type.scale);
}

Result<std::string> decimal_json(const TomlValue& value, const ColumnType& type) {
  std::string text;
  if (const auto* given = value.get_if<std::string>()) text = *given;
  if (const auto* given = value.get_if<int64_t>()) text = std::to_string(*given);
  if (is_decimal(text, type)) return text;
  return does_not_fit(type, "its digits as a string, like \"12.50\", at most " +
                                std::to_string(type.precision - type.scale) + " before and " +
                                std::to_string(type.scale) + " behind the point");
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

std::string text_or_date(const TomlValue& value) {
  if (const auto* text = value.get_if<std::string>()) return *text;
  if (const auto* time = value.get_if<TomlValue::DateTime>()) return time->text;
  return {};
}

Result<std::string> time_json(const TomlValue& value, const ColumnType& type) {
  const std::string text = text_or_date(value);
  if (type.kind == TypeKind::kDate) {
    if (text.size() == 10 && parse_rfc3339_us(text + "T00:00:00Z").ok()) return dump(text);
    return does_not_fit(type, "a day like 2026-01-31");
  }
  if (parse_rfc3339_us(text).ok()) return dump(text);
  return does_not_fit(type, "a time with zone like 2026-01-31T06:00:00Z");
}

Result<std::string> text_json(const TomlValue& value, const ColumnType& type) {
  const auto* text = value.get_if<std::string>();
  if (text == nullptr) return does_not_fit(type, "a string in quotes");
  if (type.kind == TypeKind::kUuid && !is_uuid(*text)) {
    return does_not_fit(type, "it like \"00000000-0000-0000-0000-000000000000\"");
  }
  return dump(*text);
}

struct AnyJson {
  nlohmann::json operator()(bool value) const { return value; }
  nlohmann::json operator()(int64_t value) const { return value; }
  nlohmann::json operator()(double value) const { return value; }
  nlohmann::json operator()(const std::string& value) const { return value; }
  nlohmann::json operator()(const TomlValue::DateTime& value) const { return value.text; }
  nlohmann::json operator()(const TomlValue::Array& value) const {
    auto array = nlohmann::json::array();
    for (const TomlValue& element : value) array.push_back(std::visit(AnyJson(), element.value));
    return array;
  }
  nlohmann::json operator()(const TomlValue::Table& value) const {
    auto object = nlohmann::json::object();
    for (const TomlEntry& entry : value) object[entry.key] = std::visit(AnyJson(), entry.value.value);
    return object;
  }
};

// JSON has no inf and nan; they would become null.
bool has_non_finite(const TomlValue& value) {
  if (const auto* number = value.get_if<double>()) return !std::isfinite(*number);
  if (const auto* array = value.get_if<TomlValue::Array>())
    return std::any_of(array->begin(), array->end(), has_non_finite);
  const auto* table = value.get_if<TomlValue::Table>();
  return table != nullptr &&
         std::any_of(table->begin(), table->end(), [](const TomlEntry& entry) { return has_non_finite(entry.value); });
}

Result<std::string> list_json(const TomlValue& value, const ColumnType& type) {
  const auto* elements = value.get_if<TomlValue::Array>();
  if (elements == nullptr) return does_not_fit(type, "a list, like []");
  std::string json = "[";
  for (const TomlValue& element : *elements) {
    WEIR_ASSIGN_OR_RETURN(const std::string item, default_json(element, type.children.front().type));
    json += (json.size() > 1 ? "," : "") + item;
  }
  return json + "]";
}

Result<std::string> struct_json(const TomlValue& value, const ColumnType& type) {
  const auto* table = value.get_if<TomlValue::Table>();
  if (table == nullptr || table->size() != type.children.size()) {
    return does_not_fit(type, "an inline table with exactly its fields, like {a = 1, b = \"x\"}");
  }
  std::string json = "{";
  for (const TypedField& field : type.children) {
    const TomlEntry* entry = find(*table, field.name);
    if (entry == nullptr) return does_not_fit(type, "its field \"" + field.name + "\" too");
    WEIR_ASSIGN_OR_RETURN(const std::string item, default_json(entry->value, field.type));
    json += (json.size() > 1 ? "," : "") + dump(field.name) + ":" + item;
  }
  return json + "}";
}

}  // namespace

Result<std::string> default_json(const TomlValue& value, const ColumnType& type) {
  switch (type.kind) {
    case TypeKind::kBool:
      if (const bool* flag = value.get_if<bool>()) return std::string(*flag ? "true" : "false");
      return does_not_fit(type, "true or false without quotes");
    case TypeKind::kInt8:
    case TypeKind::kInt16:
    case TypeKind::kInt32:
    case TypeKind::kInt64:
    case TypeKind::kUInt8:
    case TypeKind::kUInt16:
    case TypeKind::kUInt32:
    case TypeKind::kUInt64: return integer_json(value, type);
    case TypeKind::kFloat32:
    case TypeKind::kFloat64: return float_json(value, type);
    case TypeKind::kDecimal: return decimal_json(value, type);
    case TypeKind::kDate:
    case TypeKind::kTimestamp: return time_json(value, type);
    case TypeKind::kString:
    case TypeKind::kUuid: return text_json(value, type);
    case TypeKind::kJson:
      if (has_non_finite(value)) return does_not_fit(type, "finite numbers");
      return dump(std::visit(AnyJson(), value.value));
    case TypeKind::kList: return list_json(value, type);
    case TypeKind::kStruct: return struct_json(value, type);
    case TypeKind::kBinary: return invalid_argument("columns of type binary cannot have a default; use `required`");
  }
  return internal_error("column type without a default rule");
}

}  // namespace weir
