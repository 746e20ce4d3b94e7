#pragma once

#include <string>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"

namespace weir::app {

// What a command that changes one table asks first.

/// The [[table]] that --table names; borrowed from `config`. kNotFound: the file has none of that name.
[[nodiscard]] Result<const TableSection*> section_of(const PipelineConfig& config, const std::string& table);

/// kAlreadyExists while a backfill of the table into ClickHouse has not ended; the message says how to end it.
[[nodiscard]] Status check_no_backfill(const engine::Engine& engine, const PipelineConfig& config,
                                       const std::string& table);

}  // namespace weir::app
