#include "http/connection_stream.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace weir {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

void describe(const sockaddr_storage& address, std::string* ip, int* port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    *port = ntohs(v4.sin_port);
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    *port = ntohs(v6.sin6_port);
  }
  *ip = text.data();
}

}  // namespace

ConnectionStream::ConnectionStream(int socket, int stop_fd, int64_t request_bytes_max, milliseconds time_max)
    : socket_(socket),
      stop_fd_(stop_fd),
      deadline_(steady_clock::now() + time_max),
      readable_bytes_(request_bytes_max) {}

bool ConnectionStream::wait_for(int16_t events) const {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline_ - steady_clock::now());
    if (left.count() <= 0) return false;
    std::array<pollfd, 2> watched = {{{socket_, events, 0}, {stop_fd_, POLLIN, 0}}};
    // A stop ends waiting for requests; an answer that is on its way may finish.
    const nfds_t count = (events & POLLIN) != 0 ? 2 : 1;
    const int ready = ::poll(watched.data(), count, static_cast<int>(left.count()));
    if (ready < 0 && errno == EINTR) continue;
    return ready > 0 && watched[0].revents != 0;
  }
}

bool ConnectionStream::is_readable() const { return buffer_position_ < buffer_.size() || wait_for(POLLIN); }

bool ConnectionStream::is_writable() const { return wait_for(POLLOUT); }

ssize_t ConnectionStream::read(char* data, size_t size) {
  if (buffer_position_ == buffer_.size()) {
    if (readable_bytes_ <= 0 || !wait_for(POLLIN)) return -1;
    constexpr int64_t kChunkBytes = 4096;
    buffer_.resize(static_cast<size_t>(std::min(kChunkBytes, readable_bytes_)));
    buffer_position_ = 0;
    const ssize_t received = ::recv(socket_, buffer_.data(), buffer_.size(), 0);
    buffer_.resize(received > 0 ? static_cast<size_t>(received) : 0);
    if (received <= 0) return received;
    readable_bytes_ -= received;
  }
  const size_t count = std::min(size, buffer_.size() - buffer_position_);
  std::memcpy(data, buffer_.data() + buffer_position_, count);
  buffer_position_ += count;
  return static_cast<ssize_t>(count);
}

// Writes everything: httplib does not look for a short count where it sends headers.
ssize_t ConnectionStream::write(const char* data, size_t size) {
  size_t sent = 0;
  while (sent < size) {
    if (!wait_for(POLLOUT)) return -1;
    const ssize_t count = ::send(socket_, data + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (count < 0) return -1;
    sent += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

void ConnectionStream::get_remote_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getpeername(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) describe(address, &ip, &port);
}

void ConnectionStream::get_local_ip_and_port(std::string& ip, int& port) const {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &length) == 0) describe(address, &ip, &port);
}

}  // namespace weir
