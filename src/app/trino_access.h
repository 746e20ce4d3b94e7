#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"
#include "ports/lake_table.h"
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

/// Makes the folder of Trino's metastore in a local lake, and so the lake's: Trino does not start on one that is not
/// there.
[[nodiscard]] Status make_metastore_folder(const PipelineConfig& config);

/// What files brought into the table, from snapshots of its rows and of the dead letters (null: the lake has none).
[[nodiscard]] Status read_files(const LakeSnapshot& rows, const LakeSnapshot* letters, const std::string& table,
                                trino::TableInput* input);

/// Every table that is in the lake, as the stores know it, whether a process runs or not: ClickHouse is taken for live
/// where its KV entry says that it holds all that the lake does, and the view for Trino is there. Otherwise what it has
/// shown is known from that entry or, without one, from ClickHouse itself; the lake alone may then be shown, unless a
/// process runs (kConflict). So it may where nothing runs and the lake has everything. kUnavailable: NATS, or a
/// ClickHouse that has to be asked, does not answer.
[[nodiscard]] Result<std::vector<trino::TableInput>> tables_at_rest(const engine::Engine& engine,
                                                                    const PipelineConfig& config);

/// Which of a table's dead letters became rows by a replay, as a predicate for the view of dead letters. Empty also
/// where they are too many for the text of a view: it shows them then.
[[nodiscard]] Result<std::string> replayed_sql(const engine::Engine& engine, const PipelineConfig& config,
                                               const std::string& table, const LakeSnapshot& rows);

/// Whether the lake has the table of dead letters.
[[nodiscard]] Result<bool> has_dead_letters(const engine::Engine& engine, const PipelineConfig& config);

}  // namespace weir::app
