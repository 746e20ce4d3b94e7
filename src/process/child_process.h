#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"

namespace weir {

struct ChildProcessOptions {
  std::filesystem::path program;
  std::vector<std::string> arguments;
  std::filesystem::path log;  ///< Takes its output and errors, appended; its folder is made if absent.
};

/// A server that runs for us. It dies with the thread that started it (so start it on the main thread) and does not get the
/// terminal's signals: Ctrl-C stops Weir, and Weir stops the server last. Not thread-safe.
class ChildProcess {
 public:
  /// kNotFound: there is no such program; kResourceExhausted: no process could be made.
  [[nodiscard]] static Result<std::unique_ptr<ChildProcess>> start(const ChildProcessOptions& options);
  /// stop() with 10 seconds.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// SIGTERM, then SIGKILL when it has not ended after `patience`. Idempotent.
  void stop(std::chrono::milliseconds patience);
  /// SIGKILL: no goodbye, nothing flushed.
  void kill();
  [[nodiscard]] bool running();
  [[nodiscard]] pid_t pid() const { return pid_; }

  /// The last lines of its log, for an error message.
  [[nodiscard]] std::string log_tail() const;

 private:
  ChildProcess(pid_t pid, std::filesystem::path log) : pid_(pid), log_(std::move(log)) {}

  pid_t pid_;  // -1 once it has been waited for.
  const std::filesystem::path log_;
};

/// A TCP port of 127.0.0.1 that nobody listens on now. Somebody else may take it before it is used: try again then.
[[nodiscard]] Result<int> free_port();

/// The folder that tools/bootstrap.sh fills: $XDG_CACHE_HOME/weir or ~/.cache/weir; empty when neither is known.
[[nodiscard]] std::filesystem::path cache_folder();

}  // namespace weir
