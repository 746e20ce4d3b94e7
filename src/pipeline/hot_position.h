#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

namespace weir::pipeline {

/// The INSERTs of one range that were announced and not yet confirmed.
struct InFlight {
  SeqRange range;
  int64_t rows = 0;     ///< Rows that ClickHouse holds in `range` once all of it is in.
  std::string digest;   ///< Of the rows' content.
  friend bool operator==(const InFlight&, const InFlight&) = default;
};

/// Value of the KV key hot/<table>/<shard> (docs/formats/nats.md). ClickHouse holds exactly the rows with
/// hot_start < _seq <= hot_position; above that at most some of in_flight; at or below hot_start what bulk put there.
struct HotPosition {
  Epoch epoch;
  Seq hot_start{0};
  Seq hot_position{0};
  std::optional<InFlight> in_flight;
  Epoch fence;           ///< Of the resolve that wrote this. ClickHouse holding another makes it an old story.
  std::string table_id;  ///< HotTable::table_id() of the table that this is about; empty: not known.
  /// Set while ClickHouse never answered: it only keeps where ClickHouse begins, and says nothing of what it holds.
  bool provisional = false;
  friend bool operator==(const HotPosition&, const HotPosition&) = default;
};

[[nodiscard]] std::string to_json(const HotPosition& position);
[[nodiscard]] Result<HotPosition> hot_position_from_json(std::string_view text);
[[nodiscard]] std::string hot_position_key(std::string_view table, int32_t shard);

}  // namespace weir::pipeline
