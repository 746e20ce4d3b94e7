#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::nats {

/// Which messages of a stream belong to one shard: those on `subjects` (patterns; empty: all) whose subject falls to
/// shard i of n. Immutable, thread-safe.
class EventFilter {
 public:
  /// Requires: 0 <= shard < shards; every subject is a valid pattern.
  EventFilter(std::vector<std::string> subjects, int32_t shard, int32_t shards);

  /// What the server is asked for: the subjects without subsets of one another; empty: everything. The server refuses
  /// patterns that overlap without containing one another, so with such it is asked for everything.
  [[nodiscard]] const std::vector<std::string>& server_filters() const { return server_filters_; }

  /// True when a message that came through server_filters() is one of ours.
  [[nodiscard]] bool wants(std::string_view subject) const;

 private:
  std::vector<std::string> subjects_;
  std::vector<std::string> server_filters_;
  bool match_here_ = false;  ///< The server filters less than we want.
  uint64_t shard_;
  uint64_t shards_;
};

/// xxh64(subject) mod shards. Fixed for ever: it decides where an event's row is.
[[nodiscard]] uint64_t shard_of(std::string_view subject, uint64_t shards);

}  // namespace weir::nats
