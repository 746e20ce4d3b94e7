#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct ExecutorCommandOptions {
  std::string scheduler = "http://127.0.0.1:50050";
  std::string listen = "127.0.0.1:50051";  ///< For results.
  uint16_t task_port = 0;                  ///< 0: the one after that of `listen`.
  std::string advertise;                   ///< Empty: as the scheduler sees it.
  std::string work_dir;                    ///< Empty: the folder for temporary files.
  uint32_t tasks = 0;                      ///< 0: one per core.
  std::string memory = "1GiB";
  std::string heartbeat = "10s";
};

/// `weir executor`: does the work of a cluster, until SIGTERM or SIGINT; tasks that run are finished first.
[[nodiscard]] int executor(const GlobalOptions& global, const ExecutorCommandOptions& options,
                           const Environment& environment);

[[nodiscard]] CommandBody declare_executor(CLI::App& app);

}  // namespace weir::cli
