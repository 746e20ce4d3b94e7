#pragma once

#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"
#include "trino/catalog_files.h"
#include "trino/names.h"
#include "trino/options.h"
#include "trino/publisher.h"

namespace weir::app {

// What the module trino needs of a pipeline file and of the stores. Requires, all of it: config.trino.

[[nodiscard]] trino::Names trino_names(const PipelineConfig& config);

/// With the secrets read from the environment; kInvalidArgument names the variable that is not set.
[[nodiscard]] Result<trino::Options> trino_options(const PipelineConfig& config);

/// What the files for a Trino server are made from. Of S3 the variables that are set here now are named.
[[nodiscard]] Result<trino::CatalogOptions> catalog_options(const engine::Engine& engine, const PipelineConfig& config);

/// Every table that is in the lake, as it stands while nothing runs: nothing may be taken from ClickHouse then, and what it
/// has shown is known from its KV entry, or, without one, from ClickHouse itself. kConflict: a process runs this pipeline.
/// kUnavailable: NATS, or a ClickHouse that has to be asked, does not answer.
[[nodiscard]] Result<std::vector<trino::TableInput>> tables_at_rest(const engine::Engine& engine,
                                                                    const PipelineConfig& config);

/// Whether the lake has the table of dead letters.
[[nodiscard]] Result<bool> has_dead_letters(const engine::Engine& engine, const PipelineConfig& config);

}  // namespace weir::app
