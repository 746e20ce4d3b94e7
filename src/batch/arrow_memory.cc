#include "batch/arrow_memory.h"

#include <arrow/record_batch.h>
#include <arrow/status.h>
#include <arrow/util/byte_size.h>

namespace weir {

int64_t batch_bytes(const arrow::RecordBatch& batch) {
  // Fails only for layouts it does not know; the whole buffers are then the safe, higher number.
  const arrow::Result<int64_t> referenced = arrow::util::ReferencedBufferSize(batch);
  return referenced.ok() ? *referenced : arrow::util::TotalBufferSize(batch);
}

Status from_arrow(const arrow::Status& status) {
  if (status.ok()) return ok_status();
  if (status.IsOutOfMemory()) return resource_exhausted(status.ToString());
  return internal_error(status.ToString());
}

}  // namespace weir
