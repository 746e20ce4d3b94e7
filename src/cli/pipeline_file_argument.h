#pragma once

#include <memory>
#include <string>

#include "cli/command.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"

namespace weir::cli {

/// A pipeline file as every command but `check` needs it: read, checked, its SQL compiled.
struct OpenedFile {
  PipelineConfig config;
  std::unique_ptr<engine::Engine> engine;
};

/// kInvalidArgument, after every problem was printed to err.
[[nodiscard]] Result<OpenedFile> open_pipeline_file(const std::string& path, const Environment& environment);

/// Prints a failure to err and returns the exit code. After the file was found valid, kInvalidArgument is a server's or
/// a store's refusal and no wrong usage.
[[nodiscard]] int report_failure(const Status& status, const Environment& environment);

}  // namespace weir::cli
