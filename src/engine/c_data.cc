#include "engine/c_data.h"

#include <arrow/c/bridge.h>
#include <arrow/record_batch.h>
#include <arrow/result.h>
#include <arrow/type.h>

#include <utility>

#include "batch/arrow_memory.h"

namespace weir::engine {

Status export_schema(const arrow::Schema& schema, ArrowSchema* out) {
  return from_arrow(arrow::ExportSchema(schema, out));
}

Status export_batch(const arrow::RecordBatch& batch, ArrowArray* out) {
  return from_arrow(arrow::ExportRecordBatch(batch, out));
}

Status export_reader(std::shared_ptr<arrow::RecordBatchReader> reader, ArrowArrayStream* out) {
  return from_arrow(arrow::ExportRecordBatchReader(std::move(reader), out));
}

Status export_batches(const std::shared_ptr<arrow::Schema>& schema,
                      std::vector<std::shared_ptr<arrow::RecordBatch>> batches, ArrowArrayStream* out) {
  auto reader = arrow::RecordBatchReader::Make(std::move(batches), schema);
  if (!reader.ok()) return from_arrow(reader.status());
  return export_reader(std::move(reader).ValueUnsafe(), out);
}

Result<std::shared_ptr<arrow::Schema>> import_schema(ArrowSchema* schema) {
  auto imported = arrow::ImportSchema(schema);
  if (!imported.ok()) return from_arrow(imported.status());
  return std::move(imported).ValueUnsafe();
}

Result<std::shared_ptr<arrow::RecordBatch>> import_batch(ArrowArray* array,
                                                         const std::shared_ptr<arrow::Schema>& schema) {
  auto imported = arrow::ImportRecordBatch(array, schema);
  if (!imported.ok()) return from_arrow(imported.status());
  return std::move(imported).ValueUnsafe();
}

Result<std::shared_ptr<arrow::RecordBatchReader>> import_reader(ArrowArrayStream* stream) {
  auto imported = arrow::ImportRecordBatchReader(stream);
  if (!imported.ok()) return from_arrow(imported.status());
  return std::move(imported).ValueUnsafe();
}

}  // namespace weir::engine
