#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace arrow {
class RecordBatch;
}

namespace weir::clickhouse {

/// Rows grouped by equal values in `columns` (integers, dates, text; never NULL), groups by first appearance, order
/// inside a group kept. The batch itself when there is one group. Deterministic. kInternal: a column is missing or of a
/// type that no partition key has. kRejected: NULL in a key column.
[[nodiscard]] Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> split_by_columns(
    const std::shared_ptr<arrow::RecordBatch>& rows, const std::vector<std::string>& columns);

}  // namespace weir::clickhouse
