#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace weir::nats {

/// One shard of one stream.
struct SourceOptions {
  std::string stream;
  std::vector<std::string> subjects;  ///< Patterns; union of the subjects of all tables it feeds; empty: everything.
  int32_t shard = 0;                  ///< i of n: messages whose xxh64(subject) mod n is i.
  int32_t shards = 1;
  int64_t base = 0;  ///< Of the stream's incarnation: Seq = stream sequence + base.

  int32_t request_messages = 5'000;   ///< One pull request; two are under way at a time.
  int64_t request_bytes = 8 << 20;    ///< Likewise; a larger message is asked for alone.
  int64_t prefetch_bytes = 32 << 20;  ///< Read ahead of the caller.
  int32_t chunk_messages = 2'000;     ///< Handed over at once.
  int64_t chunk_bytes = 1 << 20;

  std::chrono::milliseconds request_expires{30'000};
  std::chrono::milliseconds heartbeat{5'000};             ///< Three missing: the consumer counts as lost.
  std::chrono::milliseconds inactive_threshold{300'000};  ///< The server then drops a consumer nobody pulls from.
  // When nothing comes, the stream's end is looked at, so that the position follows it over what is not for us.
  std::chrono::milliseconds idle_check_first{50};    ///< After our last event; then doubling up to idle_check_max.
  std::chrono::milliseconds idle_check_moving{250};  ///< While only events for others arrive.
  std::chrono::milliseconds idle_check_max{2'000};
  std::chrono::milliseconds jump_check_interval{5};  ///< Least time between two proofs that a jump is no gap.
};

}  // namespace weir::nats
