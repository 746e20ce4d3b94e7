#pragma once

#include <cstdint>

#include "base/status.h"

namespace arrow {
class RecordBatch;
class Status;
}  // namespace arrow

namespace weir {

/// Bytes of all buffers a batch refers to (slices count the part they use).
[[nodiscard]] int64_t batch_bytes(const arrow::RecordBatch& batch);

/// Arrow's error in our terms: out of memory -> kResourceExhausted, capacity or invalid -> kInternal.
[[nodiscard]] Status from_arrow(const arrow::Status& status);

}  // namespace weir
