#include "engine/sql_plan.h"

#include <arrow/c/abi.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "engine/c_data.h"
#include "engine/status_mapping.h"

namespace weir::engine {

Result<std::unique_ptr<SqlPlan>> SqlPlan::compile(const Engine& engine, std::shared_ptr<arrow::Schema> input,
                                                  const std::string& sql) {
  ArrowSchema exported{};
  WEIR_RETURN_IF_ERROR(export_schema(*input, &exported));
  ArrowSchema result{};
  CallOutcome outcome;
  Handle<weir_plan> handle(weir_plan_compile(engine.handle(), &exported, sql.c_str(), &result, outcome.out()));
  if (!outcome.ok()) return outcome.status("sql");
  WEIR_ASSIGN_OR_RETURN(auto output, import_schema(&result));
  return std::unique_ptr<SqlPlan>(new SqlPlan(std::move(handle), std::move(input), std::move(output)));
}

Result<std::shared_ptr<arrow::RecordBatch>> SqlPlan::run(const arrow::RecordBatch& batch) {
  // The ABI passes arrays without their schema: a batch of another schema would be read as something it is not.
  if (!batch.schema()->Equals(*input_, /*check_metadata=*/false)) {
    return invalid_argument("the batch is not of the schema that the SQL was compiled for:\n" +
                            batch.schema()->ToString() + "\nexpected:\n" + input_->ToString());
  }
  ArrowArray exported{};
  WEIR_RETURN_IF_ERROR(export_batch(batch, &exported));
  ArrowArray result{};
  CallOutcome outcome;
  weir_plan_run(handle_.get(), &exported, &result, outcome.out());
  if (!outcome.ok()) return outcome.status("sql");
  return import_batch(&result, output_);
}

}  // namespace weir::engine
