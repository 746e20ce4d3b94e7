#pragma once

#include <string>

#include "cli/command.h"

namespace weir::cli {

struct StatusOptions {
  std::string file;
  bool watch = false;  ///< Print again every second until a signal comes.
};

/// `weir status FILE`: from the running process when it answers at http.listen, else from the stores.
[[nodiscard]] int status(const GlobalOptions& global, const StatusOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_status(CLI::App& app);

}  // namespace weir::cli
