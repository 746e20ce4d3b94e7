#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "clickhouse/options.h"
#include "clickhouse/status_mapping.h"
#include "web/http_client.h"

namespace weir::clickhouse {

struct HttpRequest {
  std::string query_string;           ///< What follows "/?", percent-encoded.
  std::string_view body;              ///< Must outlive the call. Sent with its length, never re-sent by the transport.
  std::string_view content_encoding;  ///< "lz4" or empty.
  Effect effect = Effect::kIdempotent;
  std::optional<std::chrono::milliseconds> timeout;  ///< Instead of Options::request_timeout.
  bool fresh_connection = false;  ///< A new connection, closed afterwards.
  /// Called once, after the first byte of the body was written to the connection. For crash points.
  void (*after_first_byte)() = nullptr;
  /// Takes the body of a 200 answer piece by piece; its error ends the request and is returned. Null: it is collected.
  std::function<Status(std::string_view)> on_body;
};

struct HttpResponse {
  int status = 0;
  int exception_code = 0;     ///< X-ClickHouse-Exception-Code; 0 when absent.
  int64_t written_rows = -1;  ///< From X-ClickHouse-Summary; -1 when absent.
  std::string body;           ///< Collected body; errors are always collected, up to a bound.
};

/// POST requests to one server over kept-alive connections (web/http_client.h). Thread-safe; each request runs on the
/// calling thread. Requests beyond Options::connections_max wait for one to end.
class HttpClient {
 public:
  /// Does not connect. kInvalidArgument: the URL is not one of http or https.
  [[nodiscard]] static Result<std::unique_ptr<HttpClient>> open(const Options& options);

  /// The answer, whatever its status. No complete answer: from_transport(). A collected body larger than
  /// Options::response_bytes_max: kResourceExhausted.
  [[nodiscard]] Result<HttpResponse> post(const HttpRequest& request);

 private:
  HttpClient(const Options& options, std::unique_ptr<web::HttpClient> transport);

  const Options options_;
  const std::unique_ptr<web::HttpClient> transport_;
};

}  // namespace weir::clickhouse
