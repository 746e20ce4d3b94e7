#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "transform/sql_faults.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace weir::transform {

/// Code of the dead letter of an event or row on which a plan's SQL failed (docs/formats/dead-letters.md).
inline constexpr std::string_view kSqlErrorCode = "sql_error";

/// What a plan's SQL makes of a batch: every input row is in one of the three.
struct SqlRows {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Of the plan's row schema, in the order of the input; never null.
  int64_t filtered = 0;
  std::vector<SqlFault> faults;  ///< By row of the input, in its order.
};

/// `rows` with exactly `schema`. The types have to be equal; a column may be called nullable by who computed it, as long as
/// it holds no NULL where the plan allows none. kInternal: they are not.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> conform(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                                  const std::shared_ptr<arrow::Schema>& schema);

/// Runs `sql` over `input`, puts aside the rows it cannot take, and checks that every row of the result is one of `input`,
/// in the same order, at most once: what makes identities unique in the stores. kInternal: it is not so.
[[nodiscard]] Result<SqlRows> apply_sql(const SqlRun& sql, const std::shared_ptr<arrow::RecordBatch>& input,
                                        const std::shared_ptr<arrow::Schema>& row_schema);

}  // namespace weir::transform
