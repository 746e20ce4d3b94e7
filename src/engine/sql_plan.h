#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/status.h"
#include "engine/engine.h"
#include "engine/handles.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace weir::engine {

/// One row-wise SELECT over the table `input`, compiled once and run per batch. May outlive its Engine.
/// Thread-compatible: one run at a time.
class SqlPlan {
 public:
  /// `input`: user columns, then the system columns, which `*` does not mean and which every result carries.
  /// kInvalidArgument: not valid SQL, or not row-wise and repeatable; the message names the construct and its place.
  [[nodiscard]] static Result<std::unique_ptr<SqlPlan>> compile(const Engine& engine,
                                                                std::shared_ptr<arrow::Schema> input,
                                                                const std::string& sql);

  /// User columns of the SELECT, then the system columns.
  [[nodiscard]] const std::shared_ptr<arrow::Schema>& output_schema() const { return output_; }

  /// The rows that pass, in their order, possibly none. kRejected: the SQL failed on the data of at least one row;
  /// split the batch to find it. kInvalidArgument: `batch` has another schema. The plan stays usable after any error.
  [[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> run(const arrow::RecordBatch& batch);

 private:
  SqlPlan(Handle<weir_plan> handle, std::shared_ptr<arrow::Schema> input, std::shared_ptr<arrow::Schema> output)
      : handle_(std::move(handle)), input_(std::move(input)), output_(std::move(output)) {}

  const Handle<weir_plan> handle_;
  const std::shared_ptr<arrow::Schema> input_;
  const std::shared_ptr<arrow::Schema> output_;
};

}  // namespace weir::engine
