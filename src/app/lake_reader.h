#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/cluster.h"
#include "engine/engine.h"
#include "http/status_snapshot.h"

namespace arrow {
class RecordBatchReader;
}

namespace weir::app {

// What the lake says, whether a pipeline runs or not. Nothing here writes.

/// Which past a query reads; at most one is set, neither: the present.
struct LakeTime {
  std::optional<int64_t> version;  ///< Of every table that the SQL names.
  std::optional<int64_t> unix_ms;  ///< What every table was at this time, milliseconds since 1970 UTC.
};

/// A table of the query and the version of it that is read.
struct ReadVersion {
  std::string table;
  int64_t version = 0;
};

/// Runs read-only SQL over the pipeline's tables that exist, and over `dead_letters`: those dead letters that count, which
/// are the ones at or below their table's lake position. `read` (may be null) receives which versions a query of the past
/// reads. kInvalidArgument: the SQL, or dead_letters by version (positions and dead letters have versions of their own).
/// kNotFound: a table that the SQL names has no such version, or no longer all of its files; names the oldest version that
/// can be read. `cluster` (may be null: this process) is where it runs; errors then as of engine::query.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatchReader>> query_lake(const engine::Engine& engine,
                                                                           const PipelineConfig& config,
                                                                           const std::string& sql,
                                                                           const LakeTime& time = {},
                                                                           std::vector<ReadVersion>* read = nullptr,
                                                                           const engine::Cluster* cluster = nullptr);

/// Positions and counts of every table from the stores: the lake, NATS (stream end, ClickHouse position) where it answers.
/// Tables that were never made have no shard.
[[nodiscard]] Result<StatusSnapshot> read_status(const engine::Engine& engine, const PipelineConfig& config);

/// What files brought into each table, by the table's name. Tables without files are left out.
[[nodiscard]] Result<std::map<std::string, FileTotals>> read_file_totals(const engine::Engine& engine,
                                                                         const PipelineConfig& config);

}  // namespace weir::app
