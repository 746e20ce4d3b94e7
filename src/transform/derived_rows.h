#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "batch/slice.h"
#include "schema/table_schema.h"
#include "transform/partition_values.h"
#include "transform/sql_rows.h"

namespace arrow {
class Schema;
}

namespace weir::transform {

/// What one table's rows become in a table that follows it (`from_table`): the plan's SQL over rows instead of messages.
/// Deterministic, and identities are kept: a row of the one is a row of the other, or filtered, or a dead letter with the
/// row as JSON for its payload. Calls `sql` on the caller's thread. Thread-compatible.
class DerivedRows {
 public:
  /// kInvalidArgument: the plan has no SQL.
  [[nodiscard]] static Result<std::unique_ptr<DerivedRows>> create(std::shared_ptr<const Plan> plan, SqlRun sql);

  /// The slice of the range and shard of `source`, whose rows have the plan's input schema; its events are the rows.
  [[nodiscard]] Result<std::shared_ptr<const Slice>> apply(const Slice& source) const;

 private:
  DerivedRows(std::shared_ptr<const Plan> plan, SqlRun sql);

  [[nodiscard]] Result<std::vector<Reject>> rejects(const arrow::RecordBatch& input, std::vector<SqlFault> faults,
                                                    std::vector<PartitionFault> unplaceable) const;

  const std::shared_ptr<const Plan> plan_;
  const SqlRun sql_;
  const std::string plan_id_;
  const std::shared_ptr<arrow::Schema> row_schema_;
};

}  // namespace weir::transform
