#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/table_description.h"
#include "maintain/options.h"

namespace weir::maintain {

/// What one commit rewrites.
struct CompactionPiece {
  std::string partition_filters_json;   ///< As engine::OptimizeOptions takes it; empty: an unpartitioned table.
  std::vector<std::string> partitions;  ///< "day=2013-01-01", for people; empty for an unpartitioned table.
  int64_t files = 0;                    ///< Smaller than the target: what a rewrite reads at most.
  int64_t bytes = 0;                    ///< Of them.
};

struct CompactionPlan {
  std::vector<CompactionPiece> pieces;
  std::vector<std::string> too_large;  ///< Partitions above partition_bytes_max.
};

/// Which partitions of the version have enough settled small files to be worth a rewrite. A file is settled once it is
/// older than closed_after; a partition is closed once all its files are. Files younger than that count for nothing, but a
/// partition that is rewritten is rewritten as a whole: appends do not conflict with it. An unpartitioned table is one
/// partition. `now_ms`: milliseconds since 1970. kInternal: the description is not what the engine promises.
/// Requires: `table` was described with its files.
[[nodiscard]] Result<CompactionPlan> plan_compaction(const engine::TableDescription& table, const CompactionRules& rules,
                                                     int64_t now_ms);

}  // namespace weir::maintain
