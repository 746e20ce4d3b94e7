#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"
#include "http/status_snapshot.h"

namespace arrow {
class RecordBatchReader;
}

namespace weir::app {

// What the lake says, whether a pipeline runs or not. Nothing here writes.

/// Runs read-only SQL over the pipeline's tables that exist, at their newest versions, and over `dead_letters`: those dead
/// letters that count, which are the ones at or below their table's lake position. kInvalidArgument: the SQL.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatchReader>> query_lake(const engine::Engine& engine,
                                                                           const PipelineConfig& config,
                                                                           const std::string& sql);

/// Positions and counts of every table from the stores: the lake, NATS (stream end, ClickHouse position) where it answers.
/// Tables that were never made have no shard.
[[nodiscard]] Result<StatusSnapshot> read_status(const engine::Engine& engine, const PipelineConfig& config);

}  // namespace weir::app
