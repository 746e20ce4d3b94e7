#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "schema/table_schema.h"

namespace arrow {
class RecordBatch;
}

namespace weir::transform {

/// One row as a JSON object of `columns`, in the spelling the decoder reads: dates and timestamps as text (UTC), binary as
/// base64, decimals with all their digits, json columns as the JSON they hold. A number that JSON lacks (NaN, infinity) is
/// text. A column that the batch does not have is left out. Requires: the columns have the Arrow types of their ColumnType.
[[nodiscard]] std::string row_json(const arrow::RecordBatch& rows, int64_t row, std::span<const InputColumn> columns);

}  // namespace weir::transform
