#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "clickhouse/options.h"

namespace weir::test {

/// A real ClickHouse on free ports of 127.0.0.1 with a data folder of its own; both are gone with this object, at the
/// latest with the thread that made it. Users, both with password "secret": "weir" may do
/// everything, "reader" may only SELECT. A server that cannot start fails the test at once (throws).
class ClickHouseServer {
 public:
  ClickHouseServer();
  ~ClickHouseServer();
  ClickHouseServer(const ClickHouseServer&) = delete;
  ClickHouseServer& operator=(const ClickHouseServer&) = delete;

  /// SIGKILL: no goodbye, nothing flushed. Idempotent.
  void kill();
  /// SIGSTOP and SIGCONT: it is there, but does not answer.
  void freeze();
  void thaw();
  /// Same ports, same data; returns when it answers. Requires: killed.
  void restart();

  [[nodiscard]] std::string url() const;
  [[nodiscard]] int http_port() const { return http_port_; }
  /// How to reach it, with the database "weir_test".
  [[nodiscard]] clickhouse::Options options() const;

 private:
  void write_configuration() const;
  void launch();
  void wait_until_it_answers();

  std::filesystem::path folder_;
  int http_port_ = 0;
  int tcp_port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace weir::test
