#pragma once

#include <arrow/c/abi.h>

#include <memory>
#include <vector>

#include "base/status.h"

namespace arrow {
class RecordBatch;
class RecordBatchReader;
class Schema;
}  // namespace arrow

// Arrow's C data and stream interfaces, with Status for errors. What is exported here and given to the engine belongs
// to the engine from then on; what was exported and not given away has to be released by the caller.
namespace weir::engine {

[[nodiscard]] Status export_schema(const arrow::Schema& schema, ArrowSchema* out);
[[nodiscard]] Status export_batch(const arrow::RecordBatch& batch, ArrowArray* out);

/// The batches as one stream, without copying them. All have to have `schema`.
[[nodiscard]] Status export_batches(const std::shared_ptr<arrow::Schema>& schema,
                                    std::vector<std::shared_ptr<arrow::RecordBatch>> batches, ArrowArrayStream* out);
[[nodiscard]] Status export_reader(std::shared_ptr<arrow::RecordBatchReader> reader, ArrowArrayStream* out);

// These consume what they are given, also when they fail.
[[nodiscard]] Result<std::shared_ptr<arrow::Schema>> import_schema(ArrowSchema* schema);
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> import_batch(ArrowArray* array,
                                                                       const std::shared_ptr<arrow::Schema>& schema);
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatchReader>> import_reader(ArrowArrayStream* stream);

}  // namespace weir::engine
