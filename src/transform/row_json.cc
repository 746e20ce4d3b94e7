#include "transform/row_json.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

namespace weir::transform {
namespace {

template <typename Array>
const Array& as(const arrow::Array& array) {
  return static_cast<const Array&>(array);
}

std::string json_text(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// The shortest digits that read back as the same number.
template <typename Float>
std::string number(Float value) {
  if (!std::isfinite(value)) return json_text(std::isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity");
  std::array<char, 64> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string date(int64_t days) {
  const std::chrono::year_month_day day{std::chrono::sys_days{std::chrono::days{days}}};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
  return text.data();
}

std::string timestamp(int64_t micros) {
  constexpr int64_t kPerDay = 86'400'000'000;
  const int64_t days = micros / kPerDay - (micros % kPerDay < 0 ? 1 : 0);
  const int64_t rest = micros - days * kPerDay;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), "T%02d:%02d:%02d.%06dZ", static_cast<int>(rest / 3'600'000'000),
                static_cast<int>(rest / 60'000'000 % 60), static_cast<int>(rest / 1'000'000 % 60),
                static_cast<int>(rest % 1'000'000));
  return date(days) + text.data();
}

// RFC 4648, section 4.
std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view group = bytes.substr(at, 3);
    uint32_t bits = 0;
    for (size_t i = 0; i < 3; ++i) bits = bits << 8 | (i < group.size() ? static_cast<unsigned char>(group[i]) : 0U);
    for (size_t i = 0; i < 4; ++i) text += i <= group.size() ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return text;
}

std::string value_json(const arrow::Array& column, int64_t row, const ColumnType& type);

std::string list_json(const arrow::ListArray& list, int64_t row, const ColumnType& type) {
  std::string text = "[";
  for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
    if (text.size() > 1) text += ",";
    text += value_json(*list.values(), i, type.children.front().type);
  }
  return text + "]";
}

std::string struct_json(const arrow::StructArray& fields, int64_t row, const ColumnType& type) {
  std::string text = "{";
  for (size_t i = 0; i < type.children.size(); ++i) {
    if (i > 0) text += ",";
    text += json_text(type.children[i].name) + ":" +
            value_json(*fields.field(static_cast<int>(i)), row, type.children[i].type);
  }
  return text + "}";
}

std::string value_json(const arrow::Array& column, int64_t row, const ColumnType& type) {
  if (column.IsNull(row)) return "null";
  switch (type.kind) {
    case TypeKind::kBool: return as<arrow::BooleanArray>(column).Value(row) ? "true" : "false";
    case TypeKind::kInt8: return std::to_string(as<arrow::Int8Array>(column).Value(row));
    case TypeKind::kInt16: return std::to_string(as<arrow::Int16Array>(column).Value(row));
    case TypeKind::kInt32: return std::to_string(as<arrow::Int32Array>(column).Value(row));
    case TypeKind::kInt64: return std::to_string(as<arrow::Int64Array>(column).Value(row));
    case TypeKind::kUInt8: return std::to_string(as<arrow::UInt8Array>(column).Value(row));
    case TypeKind::kUInt16: return std::to_string(as<arrow::UInt16Array>(column).Value(row));
    case TypeKind::kUInt32: return std::to_string(as<arrow::UInt32Array>(column).Value(row));
    case TypeKind::kUInt64: return std::to_string(as<arrow::UInt64Array>(column).Value(row));
    case TypeKind::kFloat32: return number(as<arrow::FloatArray>(column).Value(row));
    case TypeKind::kFloat64: return number(as<arrow::DoubleArray>(column).Value(row));
    case TypeKind::kDecimal: return as<arrow::Decimal128Array>(column).FormatValue(row);
    case TypeKind::kDate: return json_text(date(as<arrow::Date32Array>(column).Value(row)));
    case TypeKind::kTimestamp: return json_text(timestamp(as<arrow::TimestampArray>(column).Value(row)));
    case TypeKind::kBinary: return json_text(base64(as<arrow::BinaryArray>(column).GetView(row)));
    case TypeKind::kJson: return std::string(as<arrow::StringArray>(column).GetView(row));
    case TypeKind::kString:
    case TypeKind::kUuid: return json_text(as<arrow::StringArray>(column).GetView(row));
    case TypeKind::kList: return list_json(as<arrow::ListArray>(column), row, type);
    case TypeKind::kStruct: return struct_json(as<arrow::StructArray>(column), row, type);
  }
  return "null";
}

}  // namespace

std::string row_json(const arrow::RecordBatch& rows, int64_t row, std::span<const InputColumn> columns) {
  std::string text = "{";
  for (const InputColumn& column : columns) {
    const auto values = rows.GetColumnByName(column.name);
    if (values == nullptr) continue;
    if (text.size() > 1) text += ",";
    text += json_text(column.name) + ":" + value_json(*values, row, column.type);
  }
  return text + "}";
}

}  // namespace weir::transform
