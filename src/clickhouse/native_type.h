#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace arrow {
class DataType;
}

namespace weir::clickhouse {

/// A ClickHouse type that Weir writes, read from ClickHouse's own spelling, for example `Nullable(Decimal(10, 2))`. The
/// bytes of a block follow from this text alone, so the table, the block's header and its data cannot disagree.
struct NativeType {
  enum class Kind : uint8_t {
    kBool,
    kInt8,
    kInt16,
    kInt32,
    kInt64,
    kUInt8,
    kUInt16,
    kUInt32,
    kUInt64,
    kFloat32,
    kFloat64,
    kString,
    kUuid,
    kDate32,
    kDateTime64,
    kDecimal,
    kArray,
    kTuple,
    kLowCardinalityString,
  };
  Kind kind = Kind::kString;
  bool nullable = false;
  int precision = 0;                       ///< kDecimal: 1..38.
  int scale = 0;                           ///< kDecimal.
  std::vector<NativeType> children;        ///< kArray: one; kTuple: its elements.
  std::vector<std::string> element_names;  ///< kTuple: same length as children.
  friend bool operator==(const NativeType&, const NativeType&) = default;
};

/// kInvalidArgument: not a type, or none that Weir writes.
[[nodiscard]] Result<NativeType> parse_native_type(std::string_view text);

/// Arrow type whose values the encoder copies for `type`. Strings: utf8 (the encoder takes every string and binary
/// layout as it is).
[[nodiscard]] std::shared_ptr<arrow::DataType> arrow_type_of(const NativeType& type);

}  // namespace weir::clickhouse
