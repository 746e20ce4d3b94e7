#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <stop_token>

#include "base/status.h"
#include "nats/connection.h"

namespace weir::cli {

/// What the demo has put on its streams so far. Read from other threads while it publishes.
struct Published {
  std::atomic<int64_t> flights{0};    ///< Broken ones included.
  std::atomic<int64_t> weather{0};
  std::atomic<int64_t> corrupted{0};
  std::atomic<bool> paced{false};     ///< The last part, at a steady rate.
  std::atomic<bool> done{false};
};

/// Creates the streams FLIGHTS and WEATHER and publishes both files as JSON, 100 broken flights among them: most of it as
/// fast as it goes, the last 20,000 flights at 2,000 a second, so that freshness can be seen. Blocks.
[[nodiscard]] Status publish_demo(const nats::Connection& connection, const std::filesystem::path& data,
                                  int64_t flights_max, Published* published, const std::stop_token& stop);

}  // namespace weir::cli
