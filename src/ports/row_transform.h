#pragma once

#include <memory>

#include "base/ids.h"
#include "base/status.h"
#include "batch/slice.h"
#include "ports/event_source.h"

namespace weir {

/// decode + SQL of one table under one plan. Deterministic: the same messages under the same plan give the same slice.
/// Thread-compatible.
class RowTransform {
 public:
  virtual ~RowTransform() = default;

  /// The slice of exactly `range`: messages outside it, or not for this table, are passed over. A bad event becomes a
  /// reject; an error means the system failed (memory, engine), never the data. Only a slice that ends the plan
  /// (Slice::ends_plan) covers less, possibly nothing: everything before the message that needs another plan.
  /// Requires: batch.range() contains range.
  [[nodiscard]] virtual Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) = 0;
};

}  // namespace weir
