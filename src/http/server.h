#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "http/options.h"
#include "http/status_snapshot.h"

namespace weir {

/// Where answers come from. All are called from several threads at once and must not block for long.
struct HttpContent {
  std::function<StatusSnapshot()> status;
  std::function<std::string()> metrics;  ///< Prometheus text.
  std::function<std::string()> backfills = {};  ///< JSON; empty: there is no such page.
};

/// Health, readiness, metrics, status and the status page. Owned by the composition root; what `content` refers to must
/// outlive it. Thread-safe.
///
/// `/healthz` and the page itself hold no data and are open; everything else obeys AccessRule. Only GET is answered,
/// one request a connection. Starting one makes the process ignore SIGPIPE.
class HttpServer {
 public:
  /// Binds and serves. kInvalidArgument: no loopback address and no token, or an address that cannot be bound here.
  /// kUnavailable: the port is taken.
  [[nodiscard]] static Result<std::unique_ptr<HttpServer>> start(const HttpOptions& options, HttpContent content);

  /// Stops.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// The port it listens on.
  [[nodiscard]] uint16_t port() const;

  /// Accepts nothing more, finishes the answers it is sending, joins every thread. May be called again.
  void stop();

 private:
  class Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
