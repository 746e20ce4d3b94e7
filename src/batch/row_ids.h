#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace arrow {
class RecordBatch;
}

namespace weir {

/// Identities of the rows of a batch that has the system columns, in its order. kInternal when it has not.
[[nodiscard]] Result<std::vector<RowId>> row_ids(const arrow::RecordBatch& rows);

/// Rows whose identity is not in `present` (sorted), in order; the batch itself when that is all of them.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> rows_without(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                                       const std::vector<RowId>& present);

/// Names the set of identities in a batch (32 hexadecimal digits).
[[nodiscard]] std::string row_ids_digest(const arrow::RecordBatch& rows);

}  // namespace weir
