#pragma once

#include "base/status.h"

namespace arrow {
class Array;
}

namespace weir::clickhouse {

class BlockBytes;

// Columns made of text or bytes, from any of Arrow's six string and binary layouts. NULL values are written as the
// type's empty value; the null map of a Nullable column says that they are none.

/// String: each value's length and bytes.
[[nodiscard]] Status encode_strings(const arrow::Array& values, BlockBytes* bytes);

/// UUID: each text as two little-endian numbers. kRejected names the row whose text is none.
[[nodiscard]] Status encode_uuids(const arrow::Array& values, BlockBytes* bytes);

/// LowCardinality(String): a dictionary of this block's distinct values, then each row's index into it.
[[nodiscard]] Status encode_low_cardinality(const arrow::Array& values, BlockBytes* bytes);

}  // namespace weir::clickhouse
