#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/status.h"
#include "process/child_process.h"

namespace weir::clickhouse {

struct EmbeddedServerOptions {
  std::filesystem::path folder;  ///< Data and log live here; made if absent.
  std::filesystem::path binary;  ///< Empty: find_server_binary().
  int http_port = 0;             ///< 0: a free one.
  std::chrono::milliseconds ready_timeout{60'000};
};

/// Where the weir-clickhouse program is: $WEIR_CLICKHOUSE_SERVER, else beside the running program. kNotFound says both.
[[nodiscard]] Result<std::filesystem::path> find_server_binary();

/// A real ClickHouse as a child process, reachable from this machine only, with user `default` and no password. For the
/// demo, for `clickhouse.url = "embedded"` and for tests. Not thread-safe.
class EmbeddedServer {
 public:
  /// Starts it and waits until it answers. kUnavailable with the end of its log when it does not come up.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedServer>> start(EmbeddedServerOptions options);

  /// Ends it in order, or kills it after 30 seconds. Idempotent.
  void stop() { process_->stop(std::chrono::seconds(30)); }
  void kill() { process_->kill(); }
  /// Starts it again on the same port and data. Requires: stopped or killed.
  [[nodiscard]] Status restart();

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(http_port_); }
  [[nodiscard]] int http_port() const { return http_port_; }
  [[nodiscard]] pid_t pid() const { return process_->pid(); }

 private:
  explicit EmbeddedServer(EmbeddedServerOptions options) : options_(std::move(options)), http_port_(options_.http_port) {}
  [[nodiscard]] Status launch();

  const EmbeddedServerOptions options_;
  int http_port_;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace weir::clickhouse
