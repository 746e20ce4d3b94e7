#pragma once

#include <stop_token>

#include "base/ids.h"
#include "base/status.h"

namespace weir {

/// The right to move a shard's positions. Losing it is noticed late by design: the fences in the stores, not the lease,
/// keep an older holder from making anything visible.
class Lease {
 public:
  virtual ~Lease() = default;

  /// Waits until the shard is ours (its holder released it, or its entry stood still for lease_timeout on our clock) and
  /// returns our epoch, higher than `at_least`. kShuttingDown when stopped.
  [[nodiscard]] virtual Result<Epoch> acquire(Epoch at_least, std::stop_token stop) = 0;

  /// Proves once more that it is ours. kFenced: another holder took it. Call every lease_timeout / 3.
  [[nodiscard]] virtual Status renew() = 0;

  /// Lets the next holder in at once.
  [[nodiscard]] virtual Status release() = 0;
};

}  // namespace weir
