#include "transform/sql_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <utility>

#include "batch/arrow_memory.h"
#include "batch/row_ids.h"

namespace weir::transform {
namespace {

// Every row of `output` is one of `input`, in the same order, at most once: what makes (_seq, _row) unique in the
// stores.
Status check_identities(const arrow::RecordBatch& input, const arrow::RecordBatch& output) {
  WEIR_ASSIGN_OR_RETURN(const auto before, row_ids(input));
  WEIR_ASSIGN_OR_RETURN(const auto after, row_ids(output));
  auto next = before.begin();
  for (const RowId& id : after) {
    next = std::find(next, before.end(), id);
    if (next == before.end()) {
      return internal_error("the SQL returned row " + std::to_string(id.row) + " of sequence " + to_string(id.seq) +
                            " out of order, twice, or without having been given it");
    }
    ++next;
  }
  return {};
}

Result<std::shared_ptr<arrow::RecordBatch>> concatenated(const std::vector<std::shared_ptr<arrow::RecordBatch>>& parts,
                                                         const std::shared_ptr<arrow::Schema>& schema) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> conforming;
  for (const auto& part : parts) {
    WEIR_ASSIGN_OR_RETURN(auto rows, conform(part, schema));
    conforming.push_back(std::move(rows));
  }
  if (conforming.size() == 1) return conforming.front();
  auto rows = conforming.empty() ? arrow::RecordBatch::MakeEmpty(schema) : arrow::ConcatenateRecordBatches(conforming);
  if (!rows.ok()) return from_arrow(rows.status());
  return std::move(rows).ValueUnsafe();
}

}  // namespace

Result<std::shared_ptr<arrow::RecordBatch>> conform(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                    const std::shared_ptr<arrow::Schema>& schema) {
  bool same_columns = rows->num_columns() == schema->num_fields();
  for (int i = 0; same_columns && i < schema->num_fields(); ++i) {
    same_columns = rows->schema()->field(i)->name() == schema->field(i)->name() &&
                   rows->column(i)->type()->Equals(*schema->field(i)->type());
  }
  if (!same_columns) {
    return internal_error("rows are not of the plan's schema:\n" + rows->schema()->ToString() + "\nexpected:\n" +
                          schema->ToString());
  }
  for (int i = 0; i < schema->num_fields(); ++i) {
    if (!schema->field(i)->nullable() && rows->column(i)->null_count() > 0) {
      return internal_error("NULL in the column " + schema->field(i)->name() + ", which the plan calls required");
    }
  }
  return arrow::RecordBatch::Make(schema, rows->num_rows(), rows->columns());
}

Result<SqlRows> apply_sql(const SqlRun& sql, const std::shared_ptr<arrow::RecordBatch>& input,
                          const std::shared_ptr<arrow::Schema>& row_schema) {
  WEIR_ASSIGN_OR_RETURN(SqlOutcome outcome, run_without_faults(sql, input));
  SqlRows result;
  WEIR_ASSIGN_OR_RETURN(result.rows, concatenated(outcome.passed, row_schema));
  WEIR_RETURN_IF_ERROR(check_identities(*input, *result.rows));
  result.filtered = input->num_rows() - result.rows->num_rows() - static_cast<int64_t>(outcome.faults.size());
  result.faults = std::move(outcome.faults);
  return result;
}

}  // namespace weir::transform
