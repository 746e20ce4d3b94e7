#pragma once

#include <string>

#include "config/pipeline_config.h"

namespace weir::app {

/// What the process that runs this pipeline answers to GET /api/v1/status; empty when nobody answers at http.listen, or
/// it is somebody else.
[[nodiscard]] std::string ask_running_process(const PipelineConfig& config);

}  // namespace weir::app
