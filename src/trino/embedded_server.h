#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "base/status.h"
#include "process/child_process.h"

namespace weir::trino {

struct EmbeddedServerOptions {
  std::filesystem::path folder;    ///< What `weir trino FILE --out` wrote; settings, data and log go to run/ there.
  int port = 0;                    ///< Of 127.0.0.1.
  std::string clickhouse_address;  ///< host:port, for catalogs that leave it open (an embedded ClickHouse); may be empty.
  std::filesystem::path launcher;  ///< Empty: find_launcher().
  std::chrono::milliseconds ready_timeout{300'000};
};

/// Where the weir-trino program (tools/trino.sh) is: $WEIR_TRINO_SERVER, else beside the running program. kNotFound says
/// both.
[[nodiscard]] Result<std::filesystem::path> find_launcher();

/// A real Trino as a child process, reachable from this machine only, without passwords. For the demo. Ends with it.
class EmbeddedServer {
 public:
  /// Starts it and waits until it answers, half a minute. kUnavailable with the end of its log when it does not come up.
  /// Call on the main thread.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedServer>> start(const EmbeddedServerOptions& options);

 private:
  explicit EmbeddedServer(std::unique_ptr<ChildProcess> process) : process_(std::move(process)) {}

  std::unique_ptr<ChildProcess> process_;
};

}  // namespace weir::trino
