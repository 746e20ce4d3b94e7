#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "engine/object_store.h"

namespace weir::lake {

/// One life of a stream. Sequences of the stores are the stream's own plus `base`.
struct Incarnation {
  int64_t number = 1;        ///< 1, 2, ..: a stream starts in incarnation 0 with base 0, which is not stored.
  int64_t base = 0;          ///< Above every sequence that any sink ever used.
  int64_t created_us = 0;    ///< When the stream says it was created, microseconds since 1970-01-01 UTC.
  Seq accepted_at_position;  ///< The highest position of the stream's shards when it was accepted.
  friend bool operator==(const Incarnation&, const Incarnation&) = default;
};

/// Lives of the streams of a lake (`_weir/incarnations/`). Each number is given once, by whoever asks first: that is
/// the compare-and-set which makes all shards and tables of a stream use the same base. Thread-safe.
class IncarnationStore {
 public:
  explicit IncarnationStore(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// The stream's newest incarnation; empty when it is still in its first life.
  [[nodiscard]] Result<std::optional<Incarnation>> current(std::string_view stream) const;

  /// Makes `next` the stream's newest. The same one again is success. kConflict: another process was first; read
  /// current(). kInvalidArgument: its number is not the newest one's plus 1, or its base does not lie above it.
  [[nodiscard]] Status advance(std::string_view stream, const Incarnation& next) const;

  [[nodiscard]] Result<std::vector<Incarnation>> history(std::string_view stream) const;

 private:
  engine::ObjectStore objects_;
};

}  // namespace weir::lake
