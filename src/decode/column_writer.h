#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "decode/json_number.h"
#include "decode/reject_code.h"
#include "decode/short_bytes.h"
#include "schema/column_type.h"

namespace arrow {
class Array;
class ResizableBuffer;
}  // namespace arrow

namespace weir {

/// Bytes that grow as rows come and then become an Arrow buffer without being copied.
class GrowingBuffer {
 public:
  GrowingBuffer();
  ~GrowingBuffer();
  GrowingBuffer(GrowingBuffer&&) noexcept;
  GrowingBuffer& operator=(GrowingBuffer&&) noexcept;

  /// Makes room for `bytes` bytes in all; what was written stays. kResourceExhausted without memory.
  [[nodiscard]] Status reserve(int64_t bytes);

  [[nodiscard]] uint8_t* data() { return data_; }
  [[nodiscard]] int64_t capacity() const { return capacity_; }

  /// Hands the first `bytes` bytes over; the buffer is empty afterwards.
  [[nodiscard]] std::shared_ptr<arrow::ResizableBuffer> release(int64_t bytes);

 private:
  std::unique_ptr<arrow::ResizableBuffer> buffer_;
  uint8_t* data_ = nullptr;
  int64_t capacity_ = 0;
};

/// One column of a batch being made. A value is written AT a row, not appended: a row that turns out to be bad is simply
/// written over by the next one, so nothing has to be rolled back. Each row is written once, in order, before the next;
/// begin(), writes, finish(), and again. Thread-compatible.
class ColumnWriter {
 public:
  ColumnWriter(const ColumnType& type, bool nullable);

  /// Starts a batch with room for `rows` rows.
  [[nodiscard]] Status begin(int64_t rows);

  /// Makes room for more rows. Failing also shows in failure().
  [[nodiscard]] Status reserve(int64_t rows);

  // Writes: kNone, or why the value does not fit; the row can then be written again. Memory running out shows in
  // failure(), the write itself is then undone. Requires: row < reserved rows.

  [[nodiscard]] RejectCode write_bool(int64_t row, bool value);
  [[nodiscard]] RejectCode write_number(int64_t row, const JsonNumber& number);

  /// A JSON string's value: what a string may stand for by itself (dates, decimals, base64, ...). Requires: UTF-8.
  [[nodiscard]] RejectCode write_string(int64_t row, std::string_view value);

  /// Bytes as they are, for string, json and binary columns. The caller has checked what the type asks of them.
  void write_bytes(int64_t row, std::string_view value) {
    char* const to = start_bytes(row, value.size());
    if (to == nullptr) return;
    copy_bytes(to, value.data(), value.size());
    end_bytes(row, value.size());
  }

  /// Values of the system columns. Requires: an int32, or an int64 or timestamp column.
  void write_int32(int64_t row, int32_t value) { store(row, value); }
  void write_int64(int64_t row, int64_t value) { store(row, value); }

  /// A list of `items` items, already written to children()[0] from first_item(row) on.
  void write_list(int64_t row, int64_t items);

  /// A struct whose fields are already written to children() at `row`.
  void write_struct(int64_t row) { mark_valid(row); }

  /// Requires: the column is nullable.
  void write_null(int64_t row);

  /// Row of children()[0] at which the list of `row` begins.
  [[nodiscard]] int64_t first_item(int64_t row) { return offsets()[row]; }

  [[nodiscard]] std::vector<ColumnWriter>& children() { return children_; }
  [[nodiscard]] const ColumnType& type() const { return type_; }
  [[nodiscard]] TypeKind kind() const { return type_.kind; }
  [[nodiscard]] bool nullable() const { return nullable_; }

  /// The first failure to get memory since begin().
  [[nodiscard]] Status failure() const;

  /// The first `rows` rows as an array of arrow_type(type()).
  [[nodiscard]] Result<std::shared_ptr<arrow::Array>> finish(int64_t rows);

 private:
  template <typename T>
  RejectCode write_integer(int64_t row, const JsonNumber& number);
  template <typename T>
  RejectCode write_float(int64_t row, const JsonNumber& number);
  RejectCode write_decimal(int64_t row, const JsonNumber& number);
  RejectCode write_uuid(int64_t row, std::string_view text);
  RejectCode write_base64(int64_t row, std::string_view text);

  template <typename T>
  void store(int64_t row, T value) {
    std::memcpy(values_.data() + row * static_cast<int64_t>(sizeof(T)), &value, sizeof(T));
    mark_valid(row);
  }
  [[nodiscard]] Status grow(int64_t rows);
  // Room for a value of `bytes` bytes at `row`; null when there is no memory. end_bytes says how many were used.
  char* start_bytes(int64_t row, size_t bytes) {
    const int64_t begin = offsets()[row];
    const int64_t end = begin + static_cast<int64_t>(bytes);
    if (end > values_.capacity() && !grow_bytes(row, end)) return nullptr;
    return reinterpret_cast<char*>(values_.data()) + begin;
  }
  void end_bytes(int64_t row, size_t bytes) {
    offsets()[row + 1] = offsets()[row] + static_cast<int32_t>(bytes);
    mark_valid(row);
  }
  bool grow_bytes(int64_t row, int64_t bytes);
  void mark_valid(int64_t row) {
    if (nullable_) validity_.data()[row >> 3] |= static_cast<uint8_t>(1U << (row & 7));
  }
  int32_t* offsets() { return reinterpret_cast<int32_t*>(offsets_.data()); }

  const ColumnType type_;
  const bool nullable_;
  int64_t rows_reserved_ = 0;
  GrowingBuffer validity_;  // Bitmap, only if nullable.
  GrowingBuffer values_;    // Fixed-width values, or the bytes that offsets_ cuts.
  GrowingBuffer offsets_;   // int32, rows + 1, of strings and lists.
  int64_t bytes_guess_ = 0; // Of values_, from the batch before.
  std::vector<ColumnWriter> children_;
  Status failure_;
};

}  // namespace weir
