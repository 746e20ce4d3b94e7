#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "ports/key_value.h"

namespace weir::app {

// A command that executes a backfill because nobody else does holds the stream's lease, and would keep live ingest
// waiting until it is done. So whoever comes to run the stream asks for the lease, and the command lets it go at once.
// An answer to a courtesy, not a protocol: when a request is lost, the lease comes free when the command is done.

/// Asks whoever executes a backfill under the lease of `stream` to let it go (docs/formats/nats.md).
[[nodiscard]] Status ask_for_lease(KeyValue& key_value, std::string_view stream);

/// Hears requests for one stream's lease that come after it was made. One thread at a time; `key_value` must outlive
/// it.
class LeaseRequests {
 public:
  LeaseRequests(KeyValue& key_value, std::string_view stream);
  /// True once a request came. A KV that does not answer says no.
  [[nodiscard]] bool came();

 private:
  [[nodiscard]] uint64_t revision();

  KeyValue& key_value_;
  const std::string key_;
  uint64_t seen_ = 0;
};

}  // namespace weir::app
