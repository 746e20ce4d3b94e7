#pragma once

#include <chrono>
#include <cstdint>

namespace weir {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Time as the code sees it. Injected, so that simulation owns it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  /// Never goes back; for intervals and deadlines.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const = 0;
  /// Microseconds since 1970-01-01 UTC; for what people read.
  [[nodiscard]] virtual int64_t unix_us() const = 0;
};

/// The machine's clock.
[[nodiscard]] const Clock& system_clock();

}  // namespace weir
