#pragma once

#include <string>

#include "cli/command.h"

namespace weir::cli {

struct RunPipelineOptions {
  std::string file;
  std::string shard;  ///< "i/n"; only "0/1" while tables have one shard.
  bool until_caught_up = false;
  bool accept_gap = false;
};

/// `weir run FILE`: carries events until a signal comes, or until both stores hold what the stream held at the start.
[[nodiscard]] int run_pipeline(const GlobalOptions& global, const RunPipelineOptions& options,
                               const Environment& environment);

[[nodiscard]] CommandBody declare_run(CLI::App& app);

}  // namespace weir::cli
