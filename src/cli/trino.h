#pragma once

#include <string>

#include "cli/command.h"

namespace weir::cli {

struct TrinoCommandOptions {
  std::string file;
  std::string out;       ///< Folder that the files for a Trino server go to; empty with `refresh`.
  bool refresh = false;
};

/// `weir trino FILE --out DIR`: the files for a Trino server. 1 when a file that a user changed was left as it is.
/// `weir trino FILE refresh`: registers the tables and brings the views to where the lake is, once; `weir run` does it
/// all the time. 1
/// when a view could not be brought there, or a user edited it.
[[nodiscard]] int trino(const GlobalOptions& global, const TrinoCommandOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_trino(CLI::App& app);

}  // namespace weir::cli
