#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace weir {

/// Pause before the n-th repetition: doubles from `first` up to `max`, minus up to half of it by `jitter` (0..1), so that
/// many clients of one recovering server do not come back in step.
struct RetryPolicy {
  std::chrono::milliseconds first{100};
  std::chrono::milliseconds max{5'000};

  /// `attempt` counts from 0; `jitter` is a random number in [0, 1).
  [[nodiscard]] std::chrono::milliseconds delay(int attempt, double jitter) const {
    const auto doubled = first * (int64_t{1} << std::min(attempt, 20));
    const auto capped = std::min<std::chrono::milliseconds>(doubled, max);
    return std::chrono::milliseconds(static_cast<int64_t>(static_cast<double>(capped.count()) * (1.0 - jitter / 2)));
  }
};

}  // namespace weir
