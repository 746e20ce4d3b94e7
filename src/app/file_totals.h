#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "engine/delta_table.h"
#include "http/status_snapshot.h"

namespace weir::app {

/// Positions of the shards below 0 of `table` (files), by shard, as a snapshot of any of its Delta tables holds them.
[[nodiscard]] Result<std::map<int32_t, int64_t>> file_positions(const engine::Snapshot& snapshot,
                                                               std::string_view table);

/// What files brought into `table`, from a snapshot of its rows. Empty when none did.
[[nodiscard]] Result<std::optional<FileTotals>> file_totals(const engine::Snapshot& snapshot, std::string_view table);

/// Files of `table` with dead letters that do not count yet, by shard, and the position up to which they do: the rows' one.
/// Loading them was interrupted between two commits.
[[nodiscard]] Result<std::map<int32_t, int64_t>> unfinished_files(const engine::Snapshot& rows,
                                                                 const engine::Snapshot& dead_letters,
                                                                 std::string_view table);

/// SQL predicate over `_dead_letters` that is true for those dead letters of `table`'s files that count: the ones at or
/// below the position of the rows.
[[nodiscard]] Result<std::string> counted_file_letters(const engine::Snapshot& rows, const engine::Snapshot& dead_letters,
                                                       std::string_view table);

}  // namespace weir::app
