#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "process/child_process.h"

namespace weir::nats {

struct EmbeddedServerOptions {
  std::filesystem::path folder;  ///< Store, log and configuration live here; made if absent.
  std::filesystem::path binary;  ///< Empty: find_server_binary().
  int port = 0;                  ///< 0: a free one, chosen by the server.
  std::string user;              ///< Empty: no credentials wanted.
  std::string password;
  std::string extra_config;             ///< Appended to the configuration as it is.
  int64_t max_payload_bytes = 9 << 20;  ///< The largest event Weir takes (8 MiB) and its headers.
  std::chrono::milliseconds ready_timeout{20'000};
};

/// Where the nats-server program is: $WEIR_NATS_SERVER, the cache folder that tools/bootstrap.sh fills
/// (`cache`, default $XDG_CACHE_HOME/weir or ~/.cache/weir), then $PATH. kNotFound names the places it looked at.
[[nodiscard]] Result<std::filesystem::path> find_server_binary(const std::filesystem::path& cache = {});

/// A real nats-server with JetStream as a child process, reachable from this machine only. It dies with the thread that
/// started it (so start it on the main thread), and is shielded from the terminal's signals: Ctrl-C stops Weir, and
/// Weir stops the server last. Not thread-safe.
class EmbeddedServer {
 public:
  /// Starts it and waits until it accepts clients. kUnavailable with the end of its log when it does not come up.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedServer>> start(EmbeddedServerOptions options);
  /// stop().
  ~EmbeddedServer();
  EmbeddedServer(const EmbeddedServer&) = delete;
  EmbeddedServer& operator=(const EmbeddedServer&) = delete;

  /// Asks it to end, waits, and kills it if it does not within 10 seconds. Idempotent.
  void stop();
  /// SIGKILL: no goodbye, nothing flushed.
  void kill();
  /// Starts it again on the same port and store. Requires: stopped or killed.
  [[nodiscard]] Status restart();

  [[nodiscard]] std::string url() const { return "nats://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }
  /// -1 while it does not run.
  [[nodiscard]] pid_t pid() const { return process_ == nullptr ? -1 : process_->pid(); }
  [[nodiscard]] std::filesystem::path store_folder() const { return options_.folder / "store"; }

 private:
  EmbeddedServer(EmbeddedServerOptions options, std::filesystem::path binary)
      : options_(std::move(options)), binary_(std::move(binary)), port_(options_.port) {}
  [[nodiscard]] Status launch();
  [[nodiscard]] Status write_config() const;
  [[nodiscard]] Status wait_ready();
  [[nodiscard]] int read_ports_file() const;
  [[nodiscard]] std::filesystem::path ports_file() const;
  void end(const std::function<void(ChildProcess&)>& how);

  const EmbeddedServerOptions options_;
  const std::filesystem::path binary_;
  int port_;
  std::unique_ptr<ChildProcess> process_;  ///< Null while it does not run.
};

}  // namespace weir::nats
