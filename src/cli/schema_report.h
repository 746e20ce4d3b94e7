#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "config/pipeline_config.h"

namespace weir::cli {

/// What one table becomes in every store: where it lives, its keys, and each column with its type in the file, in
/// Delta, in ClickHouse (only when the pipeline has one) and through Trino; the system columns last. With [trino] also what
/// a column's type does not say. As lines with aligned columns. Requires: resolve_rows() succeeded.
[[nodiscard]] std::string schema_text(const PipelineConfig& config, const TableSection& table);

/// The same as an object. "clickhouse" and "trino" are null without these.
[[nodiscard]] nlohmann::ordered_json schema_json(const PipelineConfig& config, const TableSection& table);

}  // namespace weir::cli
