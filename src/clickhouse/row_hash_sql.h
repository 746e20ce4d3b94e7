#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "clickhouse/native_block.h"
#include "clickhouse/native_type.h"

namespace weir::clickhouse {

// The canonical text of values, as the engine's SQL function weir_row_hash() defines it (docs/formats/row-hash.md): NULL is
// "N;", anything else <bytes of text>:<text>; Both stores hash the same text with XXH64, so that rows can be compared
// without travelling.

/// SQL expression for the canonical text of `expression`, whose type is `type`. The expression stands in it once or
/// twice, so it should be cheap: a column.
[[nodiscard]] std::string value_text_sql(std::string_view expression, const NativeType& type);

/// SQL expression, UInt64: the hash of these columns in this order. A column whose name is empty stands for one that the
/// table lacks, and counts as NULL. Requires: not empty.
[[nodiscard]] std::string row_hash_sql(const std::vector<BlockColumn>& columns);

}  // namespace weir::clickhouse
