#pragma once

#include <arrow/buffer_builder.h>

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/status.h"
#include "clickhouse/native_type.h"

namespace arrow {
class Array;
class Buffer;
}  // namespace arrow

namespace weir::clickhouse {

/// The growing bytes of a block. Not thread-safe.
class BlockBytes {
 public:
  /// Room for `size` bytes at the end, to be filled by the caller. kResourceExhausted: no memory.
  [[nodiscard]] Result<uint8_t*> extend(int64_t size);

  /// Makes room for about `size` bytes at once: a buffer that grows is held twice while it does.
  [[nodiscard]] Status reserve(int64_t size);

  /// Gives back the last `size` bytes of the newest extend().
  void give_back(int64_t size) { builder_.Rewind(builder_.length() - size); }

  /// LEB128, as Native writes counts and lengths.
  [[nodiscard]] Status append_varint(uint64_t value);

  [[nodiscard]] Status append_string(std::string_view text);
  [[nodiscard]] Status append_bytes(const void* data, int64_t size);
  [[nodiscard]] Status append_uint64(uint64_t value) { return append_bytes(&value, sizeof(value)); }

  [[nodiscard]] Result<std::shared_ptr<arrow::Buffer>> finish();

 private:
  arrow::BufferBuilder builder_;
};

/// Writes LEB128 at `out`, at most 10 bytes; returns the byte behind it.
[[nodiscard]] uint8_t* write_varint(uint64_t value, uint8_t* out);

/// Appends the Native data of one column (the part behind its name and type). Requires: values->length() > 0.
/// Errors as encode_native_block().
[[nodiscard]] Status encode_column(const std::shared_ptr<arrow::Array>& values, const NativeType& type,
                                   BlockBytes* bytes);

}  // namespace weir::clickhouse
