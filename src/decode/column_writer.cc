#include "decode/column_writer.h"

#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/memory_pool.h>
#include <arrow/type.h>
#include <arrow/util/bit_util.h>
#include <arrow/util/bitmap_ops.h>

#include <algorithm>

#include "batch/arrow_memory.h"
#include "decode/value_text.h"

namespace weir {
namespace {

// How a type lies in memory.
enum class Layout : uint8_t { kBits, kFixed, kBytes, kList, kStruct };

Layout layout(TypeKind kind) {
  switch (kind) {
    case TypeKind::kBool: return Layout::kBits;
    case TypeKind::kString:
    case TypeKind::kBinary:
    case TypeKind::kUuid:
    case TypeKind::kJson: return Layout::kBytes;
    case TypeKind::kList: return Layout::kList;
    case TypeKind::kStruct: return Layout::kStruct;
    default: return Layout::kFixed;
  }
}

// Bytes of `rows` values of a fixed width; 0 for the other layouts.
int64_t fixed_bytes(const ColumnType& type, int64_t rows) {
  switch (type.kind) {
    case TypeKind::kBool: return arrow::bit_util::BytesForBits(rows);
    case TypeKind::kInt8:
    case TypeKind::kUInt8: return rows;
    case TypeKind::kInt16:
    case TypeKind::kUInt16: return 2 * rows;
    case TypeKind::kInt32:
    case TypeKind::kUInt32:
    case TypeKind::kFloat32:
    case TypeKind::kDate: return 4 * rows;
    case TypeKind::kInt64:
    case TypeKind::kUInt64:
    case TypeKind::kFloat64:
    case TypeKind::kTimestamp: return 8 * rows;
    case TypeKind::kDecimal: return 16 * rows;
    default: return 0;
  }
}

}  // namespace

GrowingBuffer::GrowingBuffer() = default;
GrowingBuffer::~GrowingBuffer() = default;
GrowingBuffer::GrowingBuffer(GrowingBuffer&&) noexcept = default;
GrowingBuffer& GrowingBuffer::operator=(GrowingBuffer&&) noexcept = default;

Status GrowingBuffer::reserve(int64_t bytes) {
  if (bytes <= capacity_) return ok_status();
  const int64_t capacity = arrow::bit_util::RoundUpToMultipleOf64(std::max(bytes, 2 * capacity_));
  if (buffer_ == nullptr) {
    arrow::Result<std::unique_ptr<arrow::ResizableBuffer>> made = arrow::AllocateResizableBuffer(capacity);
    if (!made.ok()) return from_arrow(made.status());
    buffer_ = std::move(made).ValueUnsafe();
  } else if (const arrow::Status status = buffer_->Resize(capacity, false); !status.ok()) {
    return from_arrow(status);
  }
  data_ = buffer_->mutable_data();
  capacity_ = capacity;
  return ok_status();
}

std::shared_ptr<arrow::ResizableBuffer> GrowingBuffer::release(int64_t bytes) {
  data_ = nullptr;
  capacity_ = 0;
  if (buffer_ == nullptr) return nullptr;
  // Cannot fail: it becomes smaller and stays where it is.
  (void)buffer_->Resize(bytes, false);
  buffer_->ZeroPadding();
  return std::move(buffer_);
}

ColumnWriter::ColumnWriter(const ColumnType& type, bool nullable) : type_(type), nullable_(nullable) {
  for (const TypedField& field : type.children) children_.emplace_back(field.type, false);
}

Status ColumnWriter::begin(int64_t rows) {
  rows_reserved_ = 0;
  failure_ = ok_status();
  if (layout(kind()) == Layout::kBytes) WEIR_RETURN_IF_ERROR(values_.reserve(std::max<int64_t>(bytes_guess_, 64)));
  for (ColumnWriter& child : children_) WEIR_RETURN_IF_ERROR(child.begin(rows));
  return reserve(rows);
}

Status ColumnWriter::reserve(int64_t rows) {
  if (rows <= rows_reserved_) return ok_status();
  Status status = grow(rows);
  if (!status.ok() && failure_.ok()) failure_ = status;
  return status;
}

Status ColumnWriter::grow(int64_t rows) {
  const int64_t target = std::max<int64_t>({rows, 2 * rows_reserved_, 16});
  if (nullable_) WEIR_RETURN_IF_ERROR(validity_.reserve(arrow::bit_util::BytesForBits(target)));
  switch (layout(kind())) {
    case Layout::kBits:
    case Layout::kFixed: WEIR_RETURN_IF_ERROR(values_.reserve(fixed_bytes(type_, target))); break;
    case Layout::kBytes:
    case Layout::kList:
      WEIR_RETURN_IF_ERROR(offsets_.reserve((target + 1) * static_cast<int64_t>(sizeof(int32_t))));
      if (rows_reserved_ == 0) offsets()[0] = 0;
      break;
    case Layout::kStruct:
      for (ColumnWriter& child : children_) WEIR_RETURN_IF_ERROR(child.reserve(target));
      break;
  }
  rows_reserved_ = target;
  return ok_status();
}

bool ColumnWriter::grow_bytes(int64_t row, int64_t bytes) {
  const Status status = values_.reserve(bytes);
  if (status.ok()) return true;
  if (failure_.ok()) failure_ = status;
  end_bytes(row, 0);
  return false;
}

void ColumnWriter::write_list(int64_t row, int64_t items) {
  offsets()[row + 1] = offsets()[row] + static_cast<int32_t>(items);
  mark_valid(row);
}

void ColumnWriter::write_null(int64_t row) {
  arrow::bit_util::ClearBit(validity_.data(), row);
  switch (layout(kind())) {
    case Layout::kBits: arrow::bit_util::ClearBit(values_.data(), row); break;
    case Layout::kFixed: {
      const int64_t width = fixed_bytes(type_, 1);
      std::memset(values_.data() + row * width, 0, static_cast<size_t>(width));
      break;
    }
    case Layout::kBytes:
    case Layout::kList: offsets()[row + 1] = offsets()[row]; break;
    case Layout::kStruct: break;  // Never nullable: see check in Decoder::create.
  }
}

RejectCode ColumnWriter::write_bool(int64_t row, bool value) {
  if (kind() != TypeKind::kBool) return RejectCode::kWrongType;
  arrow::bit_util::SetBitTo(values_.data(), row, value);
  mark_valid(row);
  return RejectCode::kNone;
}

template <typename T>
RejectCode ColumnWriter::write_integer(int64_t row, const JsonNumber& number) {
  T value = 0;
  const RejectCode code = to_integer(number, &value);
  if (code == RejectCode::kNone) store(row, value);
  return code;
}

template <typename T>
RejectCode ColumnWriter::write_float(int64_t row, const JsonNumber& number) {
  T value = 0;
  const RejectCode code = to_float(number, &value);
  if (code == RejectCode::kNone) store(row, value);
  return code;
}

RejectCode ColumnWriter::write_decimal(int64_t row, const JsonNumber& number) {
  Int128 value = 0;
  const RejectCode code = to_decimal(number, type_.precision, type_.scale, &value);
  if (code == RejectCode::kNone) store(row, value);
  return code;
}

RejectCode ColumnWriter::write_number(int64_t row, const JsonNumber& number) {
  switch (kind()) {
    case TypeKind::kInt8: return write_integer<int8_t>(row, number);
    case TypeKind::kInt16: return write_integer<int16_t>(row, number);
    case TypeKind::kInt32: return write_integer<int32_t>(row, number);
    case TypeKind::kInt64: return write_integer<int64_t>(row, number);
    case TypeKind::kUInt8: return write_integer<uint8_t>(row, number);
    case TypeKind::kUInt16: return write_integer<uint16_t>(row, number);
    case TypeKind::kUInt32: return write_integer<uint32_t>(row, number);
    case TypeKind::kUInt64: return write_integer<uint64_t>(row, number);
    case TypeKind::kFloat32: return write_float<float>(row, number);
    case TypeKind::kFloat64: return write_float<double>(row, number);
    case TypeKind::kDecimal: return write_decimal(row, number);
    default: return RejectCode::kWrongType;
  }
}

RejectCode ColumnWriter::write_uuid(int64_t row, std::string_view text) {
  char* const to = start_bytes(row, kUuidBytes);
  if (to == nullptr) return RejectCode::kNone;
  const RejectCode code = parse_uuid(text, to);
  if (code == RejectCode::kNone) end_bytes(row, kUuidBytes);
  return code;
}

RejectCode ColumnWriter::write_base64(int64_t row, std::string_view text) {
  char* const to = start_bytes(row, base64_bytes_max(text.size()));
  if (to == nullptr) return RejectCode::kNone;
  size_t size = 0;
  const RejectCode code = decode_base64(text, to, &size);
  if (code == RejectCode::kNone) end_bytes(row, size);
  return code;
}

RejectCode ColumnWriter::write_string(int64_t row, std::string_view value) {
  switch (kind()) {
    case TypeKind::kString: write_bytes(row, value); return RejectCode::kNone;
    case TypeKind::kTimestamp: {
      int64_t micros = 0;
      const RejectCode code = parse_timestamp(value, &micros);
      if (code == RejectCode::kNone) store(row, micros);
      return code;
    }
    case TypeKind::kDate: {
      int32_t days = 0;
      const RejectCode code = parse_date(value, &days);
      if (code == RejectCode::kNone) store(row, days);
      return code;
    }
    case TypeKind::kDecimal: {
      JsonNumber number;
      return scan_json_number(value, &number) ? write_decimal(row, number) : RejectCode::kBadDecimal;
    }
    case TypeKind::kUuid: return write_uuid(row, value);
    case TypeKind::kBinary: return write_base64(row, value);
    default: return RejectCode::kWrongType;
  }
}

Status ColumnWriter::failure() const {
  if (!failure_.ok()) return failure_;
  for (const ColumnWriter& child : children_) {
    if (Status status = child.failure(); !status.ok()) return status;
  }
  return ok_status();
}

Result<std::shared_ptr<arrow::Array>> ColumnWriter::finish(int64_t rows) {
  std::vector<std::shared_ptr<arrow::Buffer>> buffers;
  int64_t null_count = 0;
  if (nullable_) null_count = rows - arrow::internal::CountSetBits(validity_.data(), 0, rows);
  auto validity = validity_.release(arrow::bit_util::BytesForBits(rows));
  buffers.push_back(null_count > 0 ? std::move(validity) : nullptr);
  const auto layout_here = layout(kind());
  int64_t child_rows = rows;
  if (layout_here == Layout::kBytes || layout_here == Layout::kList) {
    child_rows = offsets()[rows];
    buffers.push_back(offsets_.release((rows + 1) * static_cast<int64_t>(sizeof(int32_t))));
  }
  if (layout_here == Layout::kBytes) {
    bytes_guess_ = child_rows;
    buffers.push_back(values_.release(child_rows));
  }
  if (layout_here == Layout::kBits || layout_here == Layout::kFixed) {
    buffers.push_back(values_.release(fixed_bytes(type_, rows)));
  }
  std::vector<std::shared_ptr<arrow::ArrayData>> child_data;
  for (ColumnWriter& child : children_) {
    WEIR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Array> array, child.finish(child_rows));
    child_data.push_back(array->data());
  }
  return arrow::MakeArray(arrow::ArrayData::Make(arrow_type(type_), rows, std::move(buffers), std::move(child_data),
                                                 null_count));
}

}  // namespace weir
