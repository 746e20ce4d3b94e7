#pragma once

#include <httplib.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace weir {

/// One accepted connection as httplib reads and writes it, with what httplib itself does not limit: the bytes of the
/// whole request, the time the whole exchange may take, and a descriptor that ends it early. A client that sends
/// headers without end, or one byte now and then, is cut off. Used by one thread.
class ConnectionStream final : public httplib::Stream {
 public:
  /// Does not own `socket`. `stop_fd` becomes readable when the server stops; reading then fails at once, so that idle
  /// clients cannot delay it.
  ConnectionStream(int socket, int stop_fd, int64_t request_bytes_max, std::chrono::milliseconds time_max);

  [[nodiscard]] bool is_readable() const override;
  [[nodiscard]] bool is_writable() const override;
  ssize_t read(char* data, size_t size) override;
  ssize_t write(const char* data, size_t size) override;
  void get_remote_ip_and_port(std::string& ip, int& port) const override;
  void get_local_ip_and_port(std::string& ip, int& port) const override;
  [[nodiscard]] socket_t socket() const override { return socket_; }

 private:
  // True when the socket is ready for `events` (poll.h) before the time is over.
  [[nodiscard]] bool wait_for(int16_t events) const;

  const int socket_;
  const int stop_fd_;
  const std::chrono::steady_clock::time_point deadline_;
  int64_t readable_bytes_;
  std::string buffer_;  ///< httplib reads headers byte by byte; this saves a system call each.
  size_t buffer_position_ = 0;
};

}  // namespace weir
