#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir {

struct KeyValueEntry {
  std::string value;
  uint64_t revision = 0;  ///< Grows with every write to the bucket.
};

/// A small store with compare-and-set: NATS KV bucket `weir_<pipeline>`. Keys: [-/_=.a-zA-Z0-9]+. Thread-safe.
/// May lose its unsynced tail when its server dies: whoever reads it recounts, see HotSink.
class KeyValue {
 public:
  virtual ~KeyValue() = default;

  /// kNotFound when the key has no value.
  [[nodiscard]] virtual Result<KeyValueEntry> get(std::string_view key) = 0;

  /// Writes when the key's revision is `expected` (0: has no value); returns the new revision. kConflict when it is not.
  /// kOutcomeUnknown when the answer was lost: get() and compare.
  [[nodiscard]] virtual Result<uint64_t> put(std::string_view key, std::string_view value, uint64_t expected) = 0;
};

}  // namespace weir
