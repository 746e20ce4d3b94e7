#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace weir {

struct HttpOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 8642;                  ///< 0: any free one; HttpServer::port() tells which.
  std::string token;                     ///< Bearer token of every request; empty: none asked, host must be loopback.
  int32_t threads = 4;                   ///< Requests answered at once.
  int32_t waiting_connections_max = 64;  ///< Accepted and not yet served; more wait in the kernel.
  /// From accepting a connection to the last byte of its answer; a slower client is cut off.
  std::chrono::milliseconds exchange_time_max{10'000};
  int64_t request_bytes_max = 64 * 1024;  ///< Request line, headers and body together.
};

}  // namespace weir
