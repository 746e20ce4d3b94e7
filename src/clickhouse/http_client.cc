#include "clickhouse/http_client.h"

#include <charconv>
#include <utility>
#include <vector>

namespace weir::clickhouse {
namespace {

// X-ClickHouse-Summary is a flat JSON object of decimal strings.
int64_t summary_number(std::string_view summary, std::string_view quoted_name) {
  const size_t at = summary.find(quoted_name);
  if (at == std::string_view::npos) return -1;
  const size_t digits = summary.find_first_of("0123456789", at + quoted_name.size());
  int64_t number = -1;
  if (digits != std::string_view::npos) {
    std::from_chars(summary.data() + digits, summary.data() + summary.size(), number);
  }
  return number;
}

void read_header(std::string_view line, HttpResponse* response) {
  if (const auto code = web::header_value(line, "X-ClickHouse-Exception-Code"); !code.empty()) {
    std::from_chars(code.data(), code.data() + code.size(), response->exception_code);
  } else if (const auto summary = web::header_value(line, "X-ClickHouse-Summary"); !summary.empty()) {
    response->written_rows = summary_number(summary, "\"written_rows\"");
  }
}

std::vector<std::string> request_headers(const Options& options, const HttpRequest& request) {
  std::vector<std::string> headers = {"X-ClickHouse-User: " + options.user, "Content-Type: application/octet-stream"};
  if (!options.password.empty()) headers.push_back("X-ClickHouse-Key: " + options.password);
  if (!request.content_encoding.empty()) {
    headers.push_back("Content-Encoding: " + std::string(request.content_encoding));
  }
  return headers;
}

}  // namespace

HttpClient::HttpClient(const Options& options, std::unique_ptr<web::HttpClient> transport)
    : options_(options), transport_(std::move(transport)) {}

Result<std::unique_ptr<HttpClient>> HttpClient::open(const Options& options) {
  if (!options.url.starts_with("http://") && !options.url.starts_with("https://")) {
    return invalid_argument("clickhouse.url \"" + options.url + "\": must begin with http:// or https://");
  }
  Options checked = options;
  while (checked.url.ends_with('/')) checked.url.pop_back();
  auto transport = web::HttpClient::open({.tls_ca = options.tls_ca,
                                          .connect_timeout = options.connect_timeout,
                                          .request_timeout = options.request_timeout,
                                          .idle_connection_max = options.idle_connection_max,
                                          .connections_max = options.connections_max,
                                          .response_bytes_max = options.response_bytes_max});
  if (!transport.ok()) return transport.status().with_context("clickhouse");
  return std::unique_ptr<HttpClient>(new HttpClient(checked, *std::move(transport)));
}

Result<HttpResponse> HttpClient::post(const HttpRequest& request) {
  HttpResponse response;
  Status refused;  // By the one who takes the body: returned as it is.
  web::Request exchange{.url = options_.url + "/?" + request.query_string,
                        .headers = request_headers(options_, request),
                        .body = request.body,
                        .fresh_connection = request.fresh_connection,
                        .timeout = request.timeout,
                        .after_first_byte = request.after_first_byte};
  exchange.on_header = [&](std::string_view line) { read_header(line, &response); };
  if (request.on_body) {
    exchange.on_body = [&](std::string_view piece) {
      refused = request.on_body(piece);
      return refused;
    };
  }
  auto answer = transport_->exchange(exchange);
  if (!refused.ok()) return refused;
  if (!answer.ok()) return from_transport(answer.status(), request.effect);
  response.status = answer->status;
  response.body = std::move(answer->body);
  return response;
}

}  // namespace weir::clickhouse
