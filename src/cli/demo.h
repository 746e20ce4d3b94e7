#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct DemoOptions {
  std::string data_dir;         ///< Empty: a temporary folder, removed at the end.
  int64_t flights = 336'776;    ///< At most this many.
  int port = 8642;              ///< Of the status page; 0: any free one.
  bool trino = false;           ///< Show the tables through an embedded Trino too.
  bool serve = false;           ///< Stay up afterwards until a signal comes.
};

/// `weir demo`: real flight and weather data through embedded NATS, lake and ClickHouse; ends with what both stores hold.
/// 0 exactly when every published event is accounted for and the stores agree.
[[nodiscard]] int demo(const GlobalOptions& global, const DemoOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_demo(CLI::App& app);

}  // namespace weir::cli
