#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "trino/view_text.h"

namespace weir::trino {

/// How ClickHouse stands to a table's events.
enum class HotState : uint8_t {
  kNone,        ///< No ClickHouse in the pipeline.
  kDetached,    ///< Not written to; it may be down.
  kCatchingUp,  ///< Being filled from the lake.
  kLive,        ///< Gets every event.
  kNoView,      ///< Gets every event, but has no view for Trino.
  kIdle,        ///< Nothing runs.
};

/// What a table's shard 0 knows of itself at one moment.
struct TablePositions {
  int64_t lake_position = 0;
  int64_t lake_version = 0;  ///< A version of the lake's table that has lake_position.
  std::optional<int64_t>
      lake_time_us;  ///< A stored time that no row above lake_position is older than; microseconds UTC.
  HotState hot = HotState::kNone;
  int64_t hot_position = 0;
  int64_t hot_start = 0;
  /// The highest _seq that anybody may have seen in ClickHouse: hot_position, or the end of what is announced, by
  /// memory and by the KV entry, whichever is higher.
  int64_t hot_seen = 0;
  std::optional<std::chrono::milliseconds> retention;  ///< Of the ClickHouse table.
};

/// What is to become of one view.
struct Decision {
  bool publish = false;
  ViewContent content;  ///< To be published if it differs from what is.
  std::string reason;   ///< For people: why the lake alone, or why nothing is published.
};

/// What the view of a table should say, so that a query on it is never wrong: it misses nothing that was shown before
/// and shows nothing twice.
///
/// * ClickHouse is live and holds everything after the lake's position: the lake up to there, ClickHouse after it.
/// * Otherwise, once the lake holds all that ClickHouse may have shown by this view, or where it never was in it: the
/// lake
///   alone.
/// * Otherwise the lake as it is now, and what the published view has of ClickHouse above it. Queries may fail, never
/// be wrong.
///
/// `published`: what stands there now, of ours.
[[nodiscard]] Decision decide(const TablePositions& positions, const std::optional<ViewContent>& published,
                              int64_t now_us);

/// How long before its rows expire a view stops to answer: longer than a query may run. An eighth of the retention, at
/// most an hour.
[[nodiscard]] std::chrono::milliseconds retention_margin(std::chrono::milliseconds retention);

/// What the query of a view says, as Trino gives it back. Nothing: it is not like one of ours.
[[nodiscard]] std::optional<ViewContent> content_of(std::string_view stored_query);

}  // namespace weir::trino
