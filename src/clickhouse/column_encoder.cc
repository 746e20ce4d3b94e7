#include "clickhouse/column_encoder.h"

#include <arrow/array.h>
#include <arrow/compute/cast.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "batch/arrow_memory.h"
#include "clickhouse/string_encoder.h"

namespace weir::clickhouse {
namespace {

using Kind = NativeType::Kind;

// What Date32 and DateTime64 hold: 1900-01-01 .. 2299-12-31. ClickHouse stores numbers beyond it without complaint, and
// then its own functions on them are wrong.
constexpr int32_t kDaysMin = -25'567;
constexpr int32_t kDaysMax = 120'529;
constexpr int64_t kMicrosecondsPerDay = 86'400'000'000;
constexpr int64_t kMicrosecondsMin = kDaysMin * kMicrosecondsPerDay;
constexpr int64_t kMicrosecondsMax = (kDaysMax + 1) * kMicrosecondsPerDay - 1;

bool is_text(const arrow::Array& values) {
  switch (values.type_id()) {
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::STRING_VIEW:
    case arrow::Type::BINARY_VIEW: return true;
    default: return false;
  }
}

bool is_text(Kind kind) { return kind == Kind::kString || kind == Kind::kUuid || kind == Kind::kLowCardinalityString; }

// Same values in the layout that is copied: lakes spell some types differently (UInt32 as BIGINT, times in
// nanoseconds).
Result<std::shared_ptr<arrow::Array>> in_layout_of(const std::shared_ptr<arrow::Array>& values,
                                                   const NativeType& type) {
  if (is_text(type.kind) && is_text(*values)) return values;
  // Children are brought into layout when it is their turn.
  if (type.kind == Kind::kArray && values->type_id() == arrow::Type::LIST) return values;
  if (type.kind == Kind::kTuple && values->type_id() == arrow::Type::STRUCT) return values;
  const std::shared_ptr<arrow::DataType> wanted = arrow_type_of(type);
  if (values->type()->Equals(*wanted)) return values;
  if (type.kind == Kind::kDateTime64 && values->type_id() == arrow::Type::TIMESTAMP) {
    const auto& timestamp = static_cast<const arrow::TimestampType&>(*values->type());
    if (timestamp.unit() == arrow::TimeUnit::MICRO) return values;  // Any zone: the number counts from 1970 UTC.
  }
  auto cast = arrow::compute::Cast(*values, wanted, arrow::compute::CastOptions::Safe());
  if (cast.ok()) return *cast;
  const std::string text = values->type()->ToString() + " to " + wanted->ToString() + ": " + cast.status().message();
  if (cast.status().IsInvalid()) return rejected(text);
  return internal_error(text);
}

// One byte per row: 1 where the value is NULL.
Status append_null_map(const arrow::Array& values, BlockBytes* bytes) {
  const int64_t rows = values.length();
  WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(rows));
  std::memset(out, 0, static_cast<size_t>(rows));
  if (values.null_count() == 0) return ok_status();
  const uint8_t* valid = values.null_bitmap_data();
  for (int64_t row = 0; row < rows; ++row) {
    out[row] = arrow::bit_util::GetBit(valid, values.offset() + row) ? 0 : 1;
  }
  return ok_status();
}

Status refuse_nulls(const arrow::Array& values) {
  if (values.null_count() == 0) return ok_status();
  int64_t row = 0;
  while (values.IsValid(row)) ++row;
  return rejected("row " + std::to_string(row) + ": NULL where ClickHouse's type has none");
}

Status append_bools(const arrow::Array& values, BlockBytes* bytes) {
  const auto& bools = static_cast<const arrow::BooleanArray&>(values);
  WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(values.length()));
  const uint8_t* bits = bools.values()->data();
  for (int64_t row = 0; row < values.length(); ++row) {
    out[row] = arrow::bit_util::GetBit(bits, values.offset() + row) && values.IsValid(row) ? 1 : 0;
  }
  return ok_status();
}

// Both sides are little-endian: the column is one copy. What Arrow keeps under a NULL is arbitrary; ClickHouse gets
// zeros, so that equal rows are equal bytes.
Status append_fixed_width(const arrow::Array& values, int64_t width, BlockBytes* bytes) {
  const uint8_t* from = values.data()->buffers[1]->data() + values.offset() * width;
  const int64_t size = values.length() * width;
  WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(size));
  std::memcpy(out, from, static_cast<size_t>(size));
  if (values.null_count() == 0) return ok_status();
  for (int64_t row = 0; row < values.length(); ++row) {
    if (values.IsNull(row)) std::memset(out + row * width, 0, static_cast<size_t>(width));
  }
  return ok_status();
}

template <typename T>
Status refuse_outside(const arrow::Array& values, T min, T max, std::string_view what) {
  const T* numbers = values.data()->GetValues<T>(1);
  for (int64_t row = 0; row < values.length(); ++row) {
    if ((numbers[row] < min || numbers[row] > max) && values.IsValid(row)) {
      return rejected("row " + std::to_string(row) + ": " + std::to_string(numbers[row]) + " " + std::string(what) +
                      " since 1970 are outside 1900-01-01..2299-12-31, which is what ClickHouse holds");
    }
  }
  return ok_status();
}

// Decimals of up to 9 and 18 digits are the lower 4 and 8 of Arrow's 16 bytes.
template <typename Narrow>
Status append_narrow_decimals(const arrow::Array& values, BlockBytes* bytes) {
  constexpr int64_t kWide = 16;
  const uint8_t* from = values.data()->buffers[1]->data() + values.offset() * kWide;
  WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(values.length() * static_cast<int64_t>(sizeof(Narrow))));
  for (int64_t row = 0; row < values.length(); ++row, from += kWide, out += sizeof(Narrow)) {
    int64_t halves[2];
    std::memcpy(halves, from, kWide);
    if (values.IsNull(row)) halves[0] = halves[1] = 0;
    const auto narrow = static_cast<Narrow>(halves[0]);
    if (narrow != halves[0] || halves[1] != (halves[0] < 0 ? -1 : 0)) {
      return rejected("row " + std::to_string(row) + ": the number has more digits than its decimal type");
    }
    std::memcpy(out, &narrow, sizeof(narrow));
  }
  return ok_status();
}

Status append_decimals(const arrow::Array& values, int precision, BlockBytes* bytes) {
  if (precision <= 9) return append_narrow_decimals<int32_t>(values, bytes);
  if (precision <= 18) return append_narrow_decimals<int64_t>(values, bytes);
  return append_fixed_width(values, 16, bytes);
}

// Array: where each row's items end, counted from the block's first item, then all items as a column of their own.
Status append_arrays(const arrow::Array& values, const NativeType& type, BlockBytes* bytes) {
  const auto& lists = static_cast<const arrow::ListArray&>(values);
  const int32_t* offsets = lists.raw_value_offsets();
  const int32_t first = offsets[0];
  WEIR_ASSIGN_OR_RETURN(uint8_t * out, bytes->extend(lists.length() * static_cast<int64_t>(sizeof(uint64_t))));
  for (int64_t row = 0; row < lists.length(); ++row, out += sizeof(uint64_t)) {
    const auto end = static_cast<uint64_t>(offsets[row + 1] - first);
    std::memcpy(out, &end, sizeof(end));
  }
  const auto items = lists.values()->Slice(first, offsets[lists.length()] - first);
  if (items->length() == 0) return ok_status();
  return encode_column(items, type.children.front(), bytes).with_context("item");
}

Status append_tuples(const arrow::Array& values, const NativeType& type, BlockBytes* bytes) {
  const auto& structs = static_cast<const arrow::StructArray&>(values);
  if (structs.num_fields() != static_cast<int>(type.children.size())) {
    return internal_error("a struct of " + std::to_string(structs.num_fields()) + " fields for a Tuple of " +
                          std::to_string(type.children.size()));
  }
  for (int i = 0; i < structs.num_fields(); ++i) {
    const Status status = encode_column(structs.field(i), type.children[static_cast<size_t>(i)], bytes);
    WEIR_RETURN_IF_ERROR(status.with_context(type.element_names[static_cast<size_t>(i)]));
  }
  return ok_status();
}

Status append_values(const arrow::Array& values, const NativeType& type, BlockBytes* bytes) {
  switch (type.kind) {
    case Kind::kBool: return append_bools(values, bytes);
    case Kind::kInt8:
    case Kind::kUInt8: return append_fixed_width(values, 1, bytes);
    case Kind::kInt16:
    case Kind::kUInt16: return append_fixed_width(values, 2, bytes);
    case Kind::kInt32:
    case Kind::kUInt32:
    case Kind::kFloat32: return append_fixed_width(values, 4, bytes);
    case Kind::kInt64:
    case Kind::kUInt64:
    case Kind::kFloat64: return append_fixed_width(values, 8, bytes);
    case Kind::kString: return encode_strings(values, bytes);
    case Kind::kUuid: return encode_uuids(values, bytes);
    case Kind::kLowCardinalityString: return encode_low_cardinality(values, bytes);
    case Kind::kDate32:
      WEIR_RETURN_IF_ERROR(refuse_outside<int32_t>(values, kDaysMin, kDaysMax, "days"));
      return append_fixed_width(values, 4, bytes);
    case Kind::kDateTime64:
      WEIR_RETURN_IF_ERROR(refuse_outside<int64_t>(values, kMicrosecondsMin, kMicrosecondsMax, "microseconds"));
      return append_fixed_width(values, 8, bytes);
    case Kind::kDecimal: return append_decimals(values, type.precision, bytes);
    case Kind::kArray: return append_arrays(values, type, bytes);
    case Kind::kTuple: return append_tuples(values, type, bytes);
  }
  return internal_error("a ClickHouse type without an encoding");
}

}  // namespace

Result<uint8_t*> BlockBytes::extend(int64_t size) {
  if (const arrow::Status status = builder_.Reserve(size); !status.ok()) return from_arrow(status);
  uint8_t* const at = builder_.mutable_data() + builder_.length();
  builder_.UnsafeAdvance(size);
  return at;
}

Status BlockBytes::reserve(int64_t size) {
  const arrow::Status status = builder_.Reserve(size);
  return status.ok() ? ok_status() : from_arrow(status);
}

Status BlockBytes::append_varint(uint64_t value) {
  uint8_t encoded[10];
  return append_bytes(encoded, write_varint(value, encoded) - encoded);
}

Status BlockBytes::append_string(std::string_view text) {
  WEIR_RETURN_IF_ERROR(append_varint(text.size()));
  return append_bytes(text.data(), static_cast<int64_t>(text.size()));
}

Status BlockBytes::append_bytes(const void* data, int64_t size) {
  if (size == 0) return ok_status();
  return from_arrow(builder_.Append(data, size));
}

Result<std::shared_ptr<arrow::Buffer>> BlockBytes::finish() {
  auto buffer = builder_.Finish(/*shrink_to_fit=*/false);
  if (!buffer.ok()) return from_arrow(buffer.status());
  return *buffer;
}

uint8_t* write_varint(uint64_t value, uint8_t* out) {
  while (value >= 0x80) {
    *out++ = static_cast<uint8_t>(value | 0x80U);
    value >>= 7U;
  }
  *out++ = static_cast<uint8_t>(value);
  return out;
}

Status encode_column(const std::shared_ptr<arrow::Array>& values, const NativeType& type, BlockBytes* bytes) {
  WEIR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> ready, in_layout_of(values, type));
  if (type.nullable) {
    WEIR_RETURN_IF_ERROR(append_null_map(*ready, bytes));
  } else {
    WEIR_RETURN_IF_ERROR(refuse_nulls(*ready));
  }
  return append_values(*ready, type, bytes);
}

}  // namespace weir::clickhouse
