#include "transform/sql_faults.h"

#include <arrow/record_batch.h>

namespace weir::transform {
namespace {

// Recursion is as deep as the batch can be halved: at most 63 calls.
Status run_part(const SqlRun& sql, const std::shared_ptr<arrow::RecordBatch>& rows, int64_t first, int64_t count,
                SqlOutcome* outcome) {
  auto result = sql(rows->Slice(first, count));
  if (result.ok()) {
    outcome->passed.push_back(std::move(result).value());
    return {};
  }
  Status status = result.status();
  if (status.code() != StatusCode::kRejected) return status;
  if (count == 1) {
    outcome->faults.push_back({.index = first, .reason = status.message()});
    return {};
  }
  const int64_t half = count / 2;
  WEIR_RETURN_IF_ERROR(run_part(sql, rows, first, half, outcome));
  return run_part(sql, rows, first + half, count - half, outcome);
}

}  // namespace

Result<SqlOutcome> run_without_faults(const SqlRun& sql, const std::shared_ptr<arrow::RecordBatch>& rows) {
  SqlOutcome outcome;
  if (rows->num_rows() == 0) return outcome;
  WEIR_RETURN_IF_ERROR(run_part(sql, rows, 0, rows->num_rows(), &outcome));
  return outcome;
}

}  // namespace weir::transform
