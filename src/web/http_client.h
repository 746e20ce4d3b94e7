#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir::web {

/// How to reach one server. The same for every request of a client.
struct Options {
  std::string tls_ca;  ///< PEM file of the authority to trust; empty: the system's.
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds request_timeout{60'000};  ///< Of a whole request, unless it brings its own.
  /// An idle connection older than this is not used again: a request written into a closing one has an unknown outcome.
  std::chrono::milliseconds idle_connection_max{8'000};
  int connections_max = 8;                ///< Requests beyond it wait for a free one.
  int64_t response_bytes_max = 64 << 20;  ///< Of an answer that is collected; streamed answers are not limited by it.
};

enum class Method : uint8_t { kGet, kPost, kDelete };

struct Request {
  Method method = Method::kPost;
  std::string url;                   ///< Whole, percent-encoded; http or https.
  std::vector<std::string> headers;  ///< "Name: value". May hold secrets: never part of an error.
  std::string_view body;             ///< kPost: must outlive the call. Never re-sent by the transport.
  bool fresh_connection = false;     ///< A new connection, closed afterwards.
  std::optional<std::chrono::milliseconds> timeout;  ///< Instead of Options::request_timeout.
  std::stop_token stop;                              ///< Ends the request within about a second.
  /// Called once, after the first byte of the body was written to the connection. For crash points.
  void (*after_first_byte)() = nullptr;
  /// Takes the body of a 200 answer piece by piece; its error ends the request and is returned. Null: it is collected.
  std::function<Status(std::string_view)> on_body;
  /// Called for every line of the answer's head; see header_value(). May be null.
  std::function<void(std::string_view)> on_header;
};

struct Response {
  int status = 0;
  std::string body;  ///< Collected body; that of an error is always collected, up to a bound.
};

/// HTTP(S) requests over kept-alive connections (libcurl): no proxy, no redirects, HTTP/1.1. Thread-safe; each request
/// runs on the calling thread.
class HttpClient {
 public:
  /// Does not connect. kInvalidArgument: connections_max below 1.
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> open(const Options& options);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// The answer, whatever its status. No complete answer: from_transport(). A collected body larger than
  /// Options::response_bytes_max: kResourceExhausted. Request::stop was asked for: kShuttingDown. An error of on_body:
  /// that.
  [[nodiscard]] Result<Response> exchange(const Request& request);

 private:
  struct Connection;

  explicit HttpClient(const Options& options);
  [[nodiscard]] std::unique_ptr<Connection> acquire();
  void release(std::unique_ptr<Connection> connection);

  const Options options_;
  std::mutex mutex_;
  std::condition_variable released_;
  std::vector<std::unique_ptr<Connection>> idle_;
  int busy_ = 0;
};

/// Value of a line of an answer's head when its name is `name` (in any case), without blanks around it; else empty.
[[nodiscard]] std::string_view header_value(std::string_view line, std::string_view name);

}  // namespace weir::web
