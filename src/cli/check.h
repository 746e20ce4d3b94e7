#pragma once

#include <string>

#include "cli/command.h"

namespace weir::cli {

struct CheckOptions {
  std::string file;
  bool print_configuration_reference = false;  ///< Print docs/configuration.md and do nothing else.
};

/// `weir check FILE`: connects to nothing. Prints every error with file and line to err and returns 2, or prints the
/// schema of each table in every store and returns 0.
[[nodiscard]] int check(const GlobalOptions& global, const CheckOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_check(CLI::App& app);

}  // namespace weir::cli
