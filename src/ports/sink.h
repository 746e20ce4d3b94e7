#pragma once

#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "batch/slice.h"

namespace weir {

/// Makes the rows of consecutive ranges true exactly once, in order. The position is what the STORE holds: everything up
/// to it is in, nothing above it is visible. One thread at a time.
class Sink {
 public:
  virtual ~Sink() = default;

  /// Takes the shard over under `epoch` (fences the older holder in this store), resolves what it left, and returns the
  /// position. Call again after anything ambiguous: it asks the store, never our memory. kFenced: a newer epoch is there.
  [[nodiscard]] virtual Result<Seq> resolve() = 0;

  /// Writes consecutive slices as one step. Success: landed, the position is the last slice's end. kUnavailable: nothing
  /// happened. kOutcomeUnknown or kConflict: resolve() first. kFenced: stop. kNotFound: what was staged of a
  /// slice is gone; nothing happened.
  /// Requires: slices.front().range.first == position() + 1, each next slice follows the one before.
  [[nodiscard]] virtual Status write(const std::vector<std::shared_ptr<const Slice>>& slices) = 0;

  /// What the last resolve() or write() established.
  [[nodiscard]] virtual Seq position() const = 0;
};

}  // namespace weir
