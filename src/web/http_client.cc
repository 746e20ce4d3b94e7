#include "web/http_client.h"

#include <curl/curl.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "web/status_mapping.h"

namespace weir::web {
namespace {

// An error's text is for a person; more of it is read and forgotten.
constexpr size_t kErrorBytesMax = 16 << 10;
constexpr long kTransferBufferBytes = 512 << 10;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void append_header(HeaderList* list, const std::string& line) {
  list->reset(curl_slist_append(list->release(), line.c_str()));
}

// One request in flight: what libcurl's callbacks work on.
struct Exchange {
  const Request* request = nullptr;
  int64_t response_bytes_max = 0;
  CURL* handle = nullptr;
  size_t body_sent = 0;
  int reads = 0;
  Response response;
  Status aborted;  ///< Not ok: a callback ended the transfer for this reason.
};

// The first piece is one byte, so that libcurl comes back for the second only after the first went out: that is the
// moment after_first_byte promises, and every body is longer than that.
size_t read_body(char* buffer, size_t size, size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const std::string_view rest = exchange->request->body.substr(exchange->body_sent);
  ++exchange->reads;
  if (exchange->reads == 2 && exchange->request->after_first_byte != nullptr) exchange->request->after_first_byte();
  const bool announce = exchange->reads == 1 && exchange->request->after_first_byte != nullptr;
  const size_t length = std::min(rest.size(), announce ? size_t{1} : size * count);
  std::memcpy(buffer, rest.data(), length);
  exchange->body_sent += length;
  return length;
}

size_t write_body(char* data, size_t size, size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  const std::string_view piece(data, size * count);
  long status = 0;
  curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &status);
  std::string& body = exchange->response.body;
  if (status != 200) {
    body.append(piece.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, body.size())));
    return piece.size();
  }
  if (exchange->request->on_body) {
    exchange->aborted = exchange->request->on_body(piece);
    return exchange->aborted.ok() ? piece.size() : 0;
  }
  if (static_cast<int64_t>(body.size() + piece.size()) > exchange->response_bytes_max) {
    exchange->aborted =
        resource_exhausted("the answer is larger than " + std::to_string(exchange->response_bytes_max) + " bytes");
    return 0;
  }
  body.append(piece);
  return piece.size();
}

size_t read_header(char* data, size_t size, size_t count, void* user) {
  auto* exchange = static_cast<Exchange*>(user);
  if (exchange->request->on_header) exchange->request->on_header(std::string_view(data, size * count));
  return size * count;
}

// libcurl asks about once a second while nothing moves.
int end_if_stopped(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  auto* exchange = static_cast<Exchange*>(user);
  if (!exchange->request->stop.stop_requested()) return 0;
  exchange->aborted = shutting_down("stopped while waiting for an answer");
  return 1;
}

void initialise_curl_once() {
  static const CURLcode initialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  static_cast<void>(initialised);
}

}  // namespace

struct HttpClient::Connection {
  CURL* handle = curl_easy_init();
  std::array<char, CURL_ERROR_SIZE> error{};

  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { curl_easy_cleanup(handle); }
};

HttpClient::HttpClient(const Options& options) : options_(options) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::open(const Options& options) {
  initialise_curl_once();
  if (options.connections_max < 1) return invalid_argument("connections_max must be at least 1");
  if (!options.tls_ca.empty() && ::access(options.tls_ca.c_str(), R_OK) != 0) {
    return invalid_argument("tls_ca \"" + options.tls_ca + "\" cannot be read: " + std::strerror(errno));
  }
  return std::unique_ptr<HttpClient>(new HttpClient(options));
}

std::unique_ptr<HttpClient::Connection> HttpClient::acquire() {
  std::unique_lock lock(mutex_);
  released_.wait(lock, [&] { return busy_ < options_.connections_max; });
  ++busy_;
  if (idle_.empty()) return std::make_unique<Connection>();
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

void HttpClient::release(std::unique_ptr<Connection> connection) {
  const std::lock_guard lock(mutex_);
  --busy_;
  idle_.push_back(std::move(connection));
  released_.notify_one();
}

namespace {

HeaderList request_headers(const Request& request) {
  HeaderList headers;
  for (const std::string& line : request.headers) append_header(&headers, line);
  // Not asked for: a round trip before every large body.
  append_header(&headers, "Expect:");
  return headers;
}

void set_connection_options(CURL* handle, const Options& options, const Request& request) {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  // Directly to the one server: a proxy from the environment could send two requests to two servers.
  curl_easy_setopt(handle, CURLOPT_PROXY, "");
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  const auto timeout = request.timeout.value_or(options.request_timeout);
  // 0 would mean "for ever".
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(std::max<int64_t>(1, timeout.count())));
  const auto idle_seconds = std::chrono::ceil<std::chrono::seconds>(options.idle_connection_max).count();
  curl_easy_setopt(handle, CURLOPT_MAXAGE_CONN, static_cast<long>(idle_seconds));
  curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kTransferBufferBytes);
  curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, kTransferBufferBytes);
  if (!options.tls_ca.empty()) curl_easy_setopt(handle, CURLOPT_CAINFO, options.tls_ca.c_str());
  curl_easy_setopt(handle, CURLOPT_FRESH_CONNECT, request.fresh_connection ? 1L : 0L);
  curl_easy_setopt(handle, CURLOPT_FORBID_REUSE, request.fresh_connection ? 1L : 0L);
}

// No CURLOPT_SEEKFUNCTION: without it libcurl cannot send a body a second time over a new connection behind our back.
void set_post(CURL* handle, Exchange* exchange) {
  const auto length = static_cast<curl_off_t>(exchange->request->body.size());
  curl_easy_setopt(handle, CURLOPT_POST, 1L);
  curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, length);
  if (length == 0) {
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "");
  } else {
    curl_easy_setopt(handle, CURLOPT_READFUNCTION, &read_body);
    curl_easy_setopt(handle, CURLOPT_READDATA, exchange);
  }
}

void set_transfer_options(CURL* handle, Exchange* exchange) {
  switch (exchange->request->method) {
    case Method::kGet: curl_easy_setopt(handle, CURLOPT_HTTPGET, 1L); break;
    case Method::kPost: set_post(handle, exchange); break;
    case Method::kDelete: curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, "DELETE"); break;
  }
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &write_body);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange);
  curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, &read_header);
  curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange);
  if (exchange->request->stop.stop_possible()) {
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, &end_if_stopped);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, exchange);
  }
}

}  // namespace

Result<Response> HttpClient::exchange(const Request& request) {
  auto connection = acquire();
  CURL* handle = connection->handle;
  if (handle == nullptr) {
    release(std::make_unique<Connection>());
    return resource_exhausted("libcurl cannot allocate a connection");
  }
  Exchange exchange{.request = &request, .response_bytes_max = options_.response_bytes_max, .handle = handle};
  const HeaderList headers = request_headers(request);

  curl_easy_reset(handle);  // Keeps the open connection, forgets the last request.
  connection->error[0] = '\0';
  curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, connection->error.data());
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  set_connection_options(handle, options_, request);
  set_transfer_options(handle, &exchange);
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  const std::string detail = connection->error.data();
  curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, nullptr);
  release(std::move(connection));

  if (!exchange.aborted.ok()) return exchange.aborted;
  if (code != CURLE_OK) return from_transport(code, detail, exchange.body_sent > 0);
  exchange.response.status = static_cast<int>(status);
  return std::move(exchange.response);
}

std::string_view header_value(std::string_view line, std::string_view name) {
  if (line.size() <= name.size() || line[name.size()] != ':') return {};
  if (strncasecmp(line.data(), name.data(), name.size()) != 0) return {};
  line.remove_prefix(name.size() + 1);
  const size_t first = line.find_first_not_of(" \t\r\n");
  const size_t last = line.find_last_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view{} : line.substr(first, last - first + 1);
}

}  // namespace weir::web
