#pragma once

#include <string>

#include "cli/command.h"

namespace weir::cli {

struct SchedulerCommandOptions {
  std::string listen = "127.0.0.1:50050";
  std::string advertise;  ///< Empty: the address of `listen`, or the machine's name where that is every one of its addresses.
  std::string executor_timeout = "30s";
};

/// `weir scheduler`: the Ballista scheduler of a cluster, until SIGTERM or SIGINT.
[[nodiscard]] int scheduler(const GlobalOptions& global, const SchedulerCommandOptions& options,
                            const Environment& environment);

[[nodiscard]] CommandBody declare_scheduler(CLI::App& app);

}  // namespace weir::cli
