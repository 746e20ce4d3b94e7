#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "app/services.h"
#include "backfill/progress.h"
#include "config/pipeline_config.h"
#include "pipeline/lake_sink.h"

namespace weir::app {

/// What filling a table from the rows of the one it follows would read.
struct TableFillPlan {
  std::map<int32_t, Seq> source;  ///< Where the source's shards stand, those of files (below 0) included.
  std::map<int32_t, Seq> target;  ///< Where the table's stand; empty: it does not exist yet.
  int64_t source_rows = 0;
  pipeline::RunningCounts counts;  ///< What the table has made of the source's rows so far.
};

/// Asks the lake; changes nothing. `config` has resolved plans and both tables. kNotFound: the source is not in the lake yet.
[[nodiscard]] Result<TableFillPlan> plan_table_fill(const engine::Engine& engine, const PipelineConfig& config,
                                                    const TableSection& section);

struct TableFillOptions {
  std::function<bool()> stopping;                           ///< True once a signal came. Polled.
  std::function<void(const backfill::Progress&)> progress;  ///< A few times a second, in rows of the source. May be empty.
};

struct TableFillReport {
  Seq position{0};  ///< Of shard 0: everything of the source up to here is taken.
  pipeline::RunningCounts counts;
};

/// Fills the table `section` from the history of the one it follows, in the lake, until it stands where that one stands; from
/// there on whoever runs the table follows. May be interrupted anywhere and called again. kConflict: a living process follows
/// or fills it. kFenced: one took it over meanwhile. kUnavailable: asked to stop before the end. `config` as for
/// plan_table_fill(). Call on the main thread (embedded servers die with it).
[[nodiscard]] Result<TableFillReport> fill_from_table(const PipelineConfig& config, const TableSection& section,
                                                      Telemetry telemetry, const TableFillOptions& options);

}  // namespace weir::app
