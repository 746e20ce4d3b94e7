#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "engine/object_store.h"

namespace weir::lake {

/// Sequences that were given up with `--accept-gap`: their events are in no store, and that is known.
struct Gap {
  std::string name;  ///< The table's, or the stream's when all its tables lack them.
  int32_t shard = 0;
  SeqRange range;
  std::string reason;       ///< For a person: trimmed, purged, re-created, rolled back.
  int64_t detected_us = 0;  ///< Microseconds since 1970-01-01 UTC.
  int64_t accepted_us = 0;
  int64_t incarnation = 0;  ///< Of the stream that goes on behind the gap (IncarnationStore).
};

/// The gaps of a lake (`_weir/gaps/`). Objects are only ever added. Thread-safe.
class GapStore {
 public:
  explicit GapStore(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// Records the gap for good. A gap of the same range that is there already stays as it is, and that is success.
  /// kInvalidArgument: the range is empty.
  [[nodiscard]] Status record(const Gap& gap) const;

  /// All gaps of a table or stream, by shard and first sequence.
  [[nodiscard]] Result<std::vector<Gap>> list(std::string_view name) const;

 private:
  engine::ObjectStore objects_;
};

}  // namespace weir::lake
