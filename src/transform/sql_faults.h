#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace arrow {
class RecordBatch;
}

namespace weir::transform {

/// Runs a plan's SQL over one batch: engine::SqlPlan::run, or a fake. kRejected: it failed on the data of at least one
/// row.
using SqlRun = std::function<Result<std::shared_ptr<arrow::RecordBatch>>(const std::shared_ptr<arrow::RecordBatch>&)>;

/// A row that the SQL cannot take.
struct SqlFault {
  int64_t index = 0;   ///< Of the row in the batch, from 0.
  std::string reason;  ///< What the SQL said of it.
};

struct SqlOutcome {
  std::vector<std::shared_ptr<arrow::RecordBatch>>
      passed;                    ///< In the order of the rows; together what the SQL returned.
  std::vector<SqlFault> faults;  ///< In the order of the rows.
};

/// Runs `sql` over `rows`. When it fails on data, the batch is halved until each row at fault stands alone, so that
/// such a row costs about log2(rows) runs more, and its outcome is that of a batch with this one row. Errors other than
/// kRejected are passed on.
[[nodiscard]] Result<SqlOutcome> run_without_faults(const SqlRun& sql, const std::shared_ptr<arrow::RecordBatch>& rows);

}  // namespace weir::transform
