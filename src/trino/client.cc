#include "trino/client.h"

#include <algorithm>
#include <condition_variable>
#include <iterator>
#include <mutex>
#include <random>
#include <utility>

#include "trino/authorization.h"
#include "trino/status_mapping.h"

namespace weir::trino {
namespace {

using std::chrono::steady_clock;

// A statement that is not waited for any longer is told so; nobody waits long for that.
constexpr std::chrono::milliseconds kCancelTimeout{3'000};

// Waits unless stopped; false when stopped.
bool pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any changed;
  std::unique_lock lock(mutex);
  changed.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

double random_jitter() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

}  // namespace

Client::Client(Options options, std::unique_ptr<web::HttpClient> http)
    : options_(std::move(options)), http_(std::move(http)) {}

Result<std::unique_ptr<Client>> Client::open(const Options& options) {
  WEIR_RETURN_IF_ERROR(check_options(options));
  Options checked = options;
  while (checked.url.ends_with('/')) checked.url.pop_back();
  WEIR_ASSIGN_OR_RETURN(auto http, web::HttpClient::open({.tls_ca = options.tls_ca,
                                                          .connect_timeout = options.connect_timeout,
                                                          .request_timeout = options.statement_timeout,
                                                          .response_bytes_max = options.response_bytes_max}));
  return std::unique_ptr<Client>(new Client(std::move(checked), std::move(http)));
}

std::vector<std::string> Client::headers(const StatementContext& context) const {
  std::vector<std::string> lines = {"X-Trino-User: " + options_.user, "X-Trino-Source: " + options_.source,
                                    "X-Trino-Time-Zone: " + context.time_zone, "Content-Type: text/plain; charset=utf-8"};
  if (!context.catalog.empty()) lines.push_back("X-Trino-Catalog: " + context.catalog);
  if (!context.schema.empty()) lines.push_back("X-Trino-Schema: " + context.schema);
  if (std::string line = authorization_header(options_); !line.empty()) lines.push_back(std::move(line));
  return lines;
}

Result<ServerInfo> Client::info(std::stop_token stop) {
  WEIR_ASSIGN_OR_RETURN(const auto answer, http_->exchange({.method = web::Method::kGet,
                                                            .url = options_.url + "/v1/info",
                                                            .timeout = options_.connect_timeout,
                                                            .stop = std::move(stop)}));
  if (answer.status != 200) return from_http_status(answer.status, answer.body);
  const auto json = nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("nodeVersion") || !json["nodeVersion"].is_object()) {
    return unavailable("what answers at " + options_.url + " is not Trino");
  }
  return ServerInfo{.version = json["nodeVersion"].value("version", ""), .starting = json.value("starting", false)};
}

// One request until Trino has time for it. The protocol's answers may be asked for again: a page stays until the next
// one is asked for, and a statement that a busy server refused was not begun.
Result<StatementPage> Client::page(web::Request request, steady_clock::time_point deadline) {
  for (int attempt = 0;; ++attempt) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) return unavailable("Trino did not finish a statement in time");
    request.timeout = left;
    auto answer = http_->exchange(request);
    if (!answer.ok()) return answer.status();
    if (answer->status == 200) return parse_statement_page(answer->body);
    if (!is_busy(answer->status)) return from_http_status(answer->status, answer->body);
    if (!pause(std::min(options_.retry.delay(attempt, random_jitter()), left), request.stop)) {
      return shutting_down("stopped while Trino was busy");
    }
  }
}

void Client::cancel(const std::string& path) {
  if (path.empty()) return;
  // Whatever becomes of it: Trino ends by itself what nobody asks for (query.client.timeout, 5 minutes).
  static_cast<void>(http_->exchange({.method = web::Method::kDelete,
                                     .url = options_.url + path,
                                     .headers = headers({}),
                                     .timeout = kCancelTimeout}));
}

Result<StatementResult> Client::execute(std::string_view sql, std::stop_token stop, const StatementContext& context) {
  if (!fits_header(context.catalog + context.schema + context.time_zone)) {
    return invalid_argument("a catalog, schema or time zone contains a line break");
  }
  if (stop.stop_requested()) return shutting_down("stopped before a statement");
  const auto deadline = steady_clock::now() + options_.statement_timeout;
  web::Request request{
      .url = options_.url + "/v1/statement", .headers = headers(context), .body = sql, .stop = std::move(stop)};
  StatementResult result;
  std::string path;
  for (;;) {
    auto answer = page(request, deadline);
    Status failed = answer.status();
    // The statements are ones that may be repeated: no reason to ask a person.
    if (failed.code() == StatusCode::kOutcomeUnknown) failed = unavailable(failed.message());
    if (answer.ok()) {
      path = answer->next_path;
      if (answer->error) failed = from_statement_error(*answer->error);
      result.query_id = answer->query_id;
      if (!answer->columns.empty()) result.columns = std::move(answer->columns);
      std::move(answer->rows.begin(), answer->rows.end(), std::back_inserter(result.rows));
      if (static_cast<int64_t>(result.rows.size()) > options_.result_rows_max) {
        failed = resource_exhausted("a result of Trino has more than " + std::to_string(options_.result_rows_max) + " rows");
      }
    }
    if (!failed.ok()) {
      cancel(path);
      return failed;
    }
    if (path.empty()) return result;
    request.method = web::Method::kGet;
    request.url = options_.url + path;
    request.body = {};
  }
}

}  // namespace weir::trino
