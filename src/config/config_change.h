#pragma once

#include <string>
#include <vector>

#include "config/pipeline_config.h"

namespace weir {

/// Names of the sections, [[table]] excepted, in which two pipeline files differ: "lake", "clickhouse", ...
[[nodiscard]] std::vector<std::string> changed_sections(const PipelineConfig& before, const PipelineConfig& after);

/// Whether a running table has to be opened again to become `after`. Where it stands in the file does not count.
[[nodiscard]] bool table_changed(const TableSection& before, const TableSection& after);

}  // namespace weir
