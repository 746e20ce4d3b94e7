#pragma once

#include <string>
#include <vector>

#include "cli/command.h"

namespace weir::cli {

struct MaintainOptions {
  std::string file;
  std::vector<std::string> tables;  ///< Empty: all of the file, and the dead letters.
  std::vector<std::string> only;    ///< Names of steps; empty: all.
  std::string retention;            ///< As in the file, "168h"; empty: maintenance.retention.
  std::string log_retention = "168h";
  std::string closed_after = "10m";
  bool sort = false;
  bool force = false;
  bool dry_run = false;
};

/// `weir maintain FILE`: compaction, checkpoints, log clean-up, vacuum, and a look at ClickHouse's parts, now, whether a
/// pipeline runs or not.
[[nodiscard]] int maintain(const GlobalOptions& global, const MaintainOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_maintain(CLI::App& app);

}  // namespace weir::cli
