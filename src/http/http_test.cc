#include <arpa/inet.h>
#include <curl/curl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "http/access.h"
#include "http/server.h"
#include "http/status_client.h"
#include "http/status_json.h"
#include "http/status_page.h"
#include "http/worker_pool.h"

namespace weir {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

StatusSnapshot snapshot() {
  ShardStatus shard;
  shard.lake_position = 9'007'199'254'740'993;  // Not a double: positions stay exact.
  shard.hot_position = 41;
  shard.stream_last_seq = 44;
  shard.lag_events = 2;
  shard.totals = {.events = 10, .rows = 7, .filtered = 2, .dead_letters = 1};
  shard.hot_mode = HotMode::kCatchingUp;
  shard.hot_reason = "<script>alert(1)</script>";
  shard.last_error = "bytes \xff";
  StatusSnapshot status;
  status.pipeline = "flights";
  status.state = PipelineState::kRunning;
  status.tables = {{"flights", "FLIGHTS", "abc", {{"carrier", "string", false}}, {shard}}};
  return status;
}

HttpContent content() {
  return {.status = snapshot, .metrics = [] { return std::string("# TYPE x counter\nx 1\n"); },
          .backfills = [] { return std::string(R"({"backfills":[]})"); }};
}

std::unique_ptr<HttpServer> start(HttpOptions options = {}, HttpContent what = content()) {
  options.port = 0;
  auto server = HttpServer::start(options, std::move(what));
  EXPECT_TRUE(server.ok()) << server.status().to_string();
  return server.ok() ? std::move(server).value() : nullptr;
}

struct Answer {
  int64_t code = 0;
  std::string body;
  std::string headers;
};

size_t append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

Answer get(const HttpServer& server, const std::string& path, const std::vector<std::string>& headers = {},
           const char* method = "GET") {
  Answer answer;
  CURL* curl = curl_easy_init();
  curl_slist* list = nullptr;
  for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, ("http://127.0.0.1:" + std::to_string(server.port()) + path).c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer.body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &answer.headers);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
  curl_easy_perform(curl);
  long code = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
  answer.code = code;
  curl_slist_free_all(list);
  curl_easy_cleanup(curl);
  return answer;
}

TEST(HttpServer, PortZeroTakesAFreePortAndReportsIt) {
  const auto one = start();
  const auto two = start();
  EXPECT_NE(one->port(), 0);
  EXPECT_NE(one->port(), two->port());
  EXPECT_EQ(get(*one, "/healthz").body, "ok\n");
}

TEST(HttpServer, APortThatIsTakenIsRefusedNotShared) {
  const auto one = start();
  HttpOptions options;
  options.port = one->port();
  const auto two = HttpServer::start(options, content());
  ASSERT_FALSE(two.ok());
  EXPECT_EQ(two.status().code(), StatusCode::kUnavailable);
}

TEST(HttpServer, ReadinessIs503WithTheReasons) {
  const auto ready = start();
  EXPECT_EQ(get(*ready, "/readyz").code, 200);
  const auto server = start({}, {.status =
                                     [] {
                                       auto s = snapshot();
                                       s.not_ready = {"NATS does not answer"};
                                       return s;
                                     },
                                 .metrics = {}});
  const Answer answer = get(*server, "/readyz");
  EXPECT_EQ(answer.code, 503);
  EXPECT_EQ(nlohmann::json::parse(answer.body),
            nlohmann::json::parse(R"({"ready":false,"reasons":["NATS does not answer"]})"));
}

TEST(HttpServer, StatusShowsPositionsExactlyAndUnknownAsNull) {
  const auto server = start();
  const auto status = nlohmann::json::parse(get(*server, "/api/v1/status").body);
  const auto& shard = status["tables"][0]["shards"][0];
  EXPECT_EQ(shard["lake_position"].get<int64_t>(), 9'007'199'254'740'993);
  EXPECT_EQ(shard["hot_mode"], "catching_up");
  EXPECT_TRUE(shard["lag_seconds"].is_null());
  EXPECT_EQ(shard["totals"]["events"].get<int>(), 10);
  EXPECT_TRUE(shard["rates"].contains("events_per_second"));
  EXPECT_EQ(status["ready"], true);
}

TEST(HttpServer, TablesShowTheirColumns) {
  EXPECT_EQ(get(*start(), "/api/v1/backfills").body, R"({"backfills":[]})");
  const auto tables = nlohmann::json::parse(get(*start(), "/api/v1/tables").body);
  EXPECT_EQ(tables["tables"][0]["columns"][0]["name"], "carrier");
  EXPECT_EQ(tables["tables"][0]["columns"][0]["nullable"], false);
}

TEST(HttpServer, MetricsAreServedAsPrometheusText) {
  const Answer answer = get(*start(), "/metrics");
  EXPECT_THAT(answer.headers, HasSubstr("text/plain; version=0.0.4"));
  EXPECT_THAT(answer.body, HasSubstr("x 1\n"));
}

TEST(HttpServer, ThePageHoldsNoDataAndForbidsForeignContent) {
  const Answer answer = get(*start(), "/");
  EXPECT_EQ(answer.code, 200);
  EXPECT_EQ(answer.body, status_page());
  EXPECT_THAT(answer.headers, AllOf(HasSubstr("default-src 'none'"), HasSubstr("nosniff")));
  EXPECT_THAT(answer.body, AllOf(Not(HasSubstr("innerHTML")), Not(HasSubstr("http://")), Not(HasSubstr("https://"))));
}

TEST(HttpServer, AnUnknownPathIs404AndAnotherMethodIsNotAnswered) {
  const auto server = start();
  EXPECT_EQ(get(*server, "/api/v1/nothing").code, 404);
  EXPECT_EQ(get(*server, "/api/v1/status", {}, "DELETE").code, 404);
}

TEST(HttpServer, OffLoopbackWithoutATokenItDoesNotStart) {
  HttpOptions options;
  options.host = "0.0.0.0";
  EXPECT_EQ(HttpServer::start(options, content()).status().code(), StatusCode::kInvalidArgument);
}

TEST(HttpServer, WithATokenDataNeedsItAndHealthDoesNot) {
  HttpOptions options;
  options.token = "s3cret";
  const auto server = start(options);
  for (const char* path : {"/api/v1/status", "/api/v1/tables", "/api/v1/backfills", "/metrics", "/readyz"}) {
    EXPECT_EQ(get(*server, path).code, 401) << path;
    EXPECT_EQ(get(*server, path, {"Authorization: Bearer s3cre"}).code, 401) << path;
    EXPECT_EQ(get(*server, path, {"Authorization: Basic s3cret"}).code, 401) << path;
    EXPECT_EQ(get(*server, path, {"Authorization: Bearer s3cret"}).code, 200) << path;
  }
  EXPECT_EQ(get(*server, "/healthz").code, 200);
  EXPECT_EQ(get(*server, "/").code, 200);
}

TEST(HttpServer, WithoutATokenAForeignHostNameIsRefused) {
  const auto server = start();
  EXPECT_EQ(get(*server, "/api/v1/status", {"Host: evil.example"}).code, 403);
  EXPECT_EQ(get(*server, "/api/v1/status", {"Host: localhost:1234"}).code, 200);
}

TEST(HttpServer, AnExceptionBecomes500WithoutItsText) {
  const auto server =
      start({}, {.status = []() -> StatusSnapshot { throw std::runtime_error("secret detail"); }, .metrics = {}});
  const Answer answer = get(*server, "/api/v1/status");
  EXPECT_EQ(answer.code, 500);
  EXPECT_THAT(answer.headers + answer.body, Not(HasSubstr("secret")));
}

TEST(HttpServer, AnswersManyClientsAtOnce) {
  const auto server = start({.threads = 2, .waiting_connections_max = 1});
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> clients;
    for (int i = 0; i < 32; ++i) {
      clients.emplace_back([&] {
        if (get(*server, "/api/v1/status").code == 200) ++good;
      });
    }
  }
  EXPECT_EQ(good, 32);
}

/// A client that says exactly what it is told to.
class RawClient {
 public:
  explicit RawClient(const HttpServer& server) : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  ~RawClient() { close(socket_); }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  /// False when the server closed the connection.
  bool send_text(std::string_view text) { return send(socket_, text.data(), text.size(), MSG_NOSIGNAL) > 0; }

  /// Everything until the server closes the connection.
  std::string read_all() {
    std::string all;
    char chunk[4096];
    for (ssize_t n = 0; (n = recv(socket_, chunk, sizeof(chunk), 0)) > 0;) all.append(chunk, static_cast<size_t>(n));
    return all;
  }

 private:
  int socket_;
};

TEST(HttpServer, HeadersWithoutEndAreCutOff) {
  const auto server = start();
  RawClient client(*server);
  ASSERT_TRUE(client.send_text("GET /healthz HTTP/1.1\r\n"));
  const std::string header = "X-Header: " + std::string(1000, 'x') + "\r\n";
  int sent = 0;
  while (sent < 100'000 && client.send_text(header)) ++sent;
  EXPECT_LT(sent, 100'000);
  EXPECT_EQ(get(*server, "/healthz").code, 200);
}

TEST(HttpServer, AClientThatNeverFinishesItsRequestIsCutOff) {
  const auto server = start({.threads = 1, .exchange_time_max = std::chrono::milliseconds(50)});
  RawClient client(*server);
  ASSERT_TRUE(client.send_text("GET /heal"));
  EXPECT_THAT(client.read_all(), Not(HasSubstr("200")));
  EXPECT_EQ(get(*server, "/healthz").code, 200);
}

TEST(HttpServer, GarbageIsAnsweredOrCutOffAndTheServerLives) {
  const auto server = start();
  const std::string zeros(3000, '\0');
  for (const std::string& garbage :
       {std::string("\r\n\r\n"), std::string("GET\r\n\r\n"), zeros + "\r\n\r\n", std::string("\x16\x03\x01\x02"),
        "GET /" + std::string(20'000, 'a') + " HTTP/1.1\r\n\r\n",
        std::string("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("GET /%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n"),
        std::string("GET /metrics HTTP/1.1\r\nHost: localhost\r\nRange: bytes=9999999999-1,-5\r\n\r\n"),
        std::string("POST /metrics HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\nx")}) {
    RawClient client(*server);
    ASSERT_TRUE(client.send_text(garbage));
  }
  EXPECT_EQ(get(*server, "/healthz").code, 200);
}

TEST(HttpServer, StopDoesNotWaitForSilentClientsAndMayBeRepeated) {
  const auto server = start({.exchange_time_max = std::chrono::hours(1)});
  RawClient silent(*server);
  RawClient half(*server);
  ASSERT_TRUE(half.send_text("GET / HTTP/1.1\r\n"));
  server->stop();
  server->stop();
  EXPECT_EQ(get(*server, "/healthz").code, 0);
}

TEST(StatusClient, FetchesWhatAServerServes) {
  HttpOptions options;
  options.token = "s3cret";
  const auto server = start(options);
  HttpTarget target{.host = "127.0.0.1", .port = server->port(), .token = "s3cret"};
  EXPECT_EQ(*http_get(target, "/api/v1/status"), render_status_json(snapshot()));
  target.token = "wrong";
  EXPECT_EQ(http_get(target, "/api/v1/status").status().code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(http_get(target, "/nothing").status().code(), StatusCode::kNotFound);
  server->stop();
  EXPECT_EQ(http_get(target, "/healthz").status().code(), StatusCode::kUnavailable);
}

TEST(StatusClient, AnAnswerWithoutEndIsGivenUp) {
  const auto server = start({}, {.status = snapshot, .metrics = [] { return std::string(20 << 20, 'x'); }});
  EXPECT_FALSE(http_get({.host = "127.0.0.1", .port = server->port()}, "/metrics").ok());
}

TEST(StatusJson, BytesThatAreNoUtf8AreReplaced) { EXPECT_TRUE(nlohmann::json::accept(render_status_json(snapshot()))); }

TEST(HttpApi, ThePageInDocsNamesEveryFieldThatIsServed) {
  std::ostringstream page;
  page << std::ifstream(WEIR_SOURCE_DIR "/docs/http-api.md").rdbuf();
  const std::function<void(const nlohmann::json&)> check = [&](const nlohmann::json& json) {
    if (json.is_object()) {
      for (const auto& [key, value] : json.items()) EXPECT_THAT(page.str(), HasSubstr("`" + key + "`"));
    }
    for (const auto& value : json) {
      if (value.is_structured()) check(value);
    }
  };
  check(nlohmann::json::parse(render_status_json(snapshot())));
  check(nlohmann::json::parse(render_tables_json(snapshot())));
  check(nlohmann::json::parse(render_readiness_json(snapshot())));
}

TEST(Access, ComparesTokensWholly) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  for (const char* given : {"", "ab", "abcd", "abcabc", "xbc"})
    EXPECT_FALSE(equal_in_constant_time(given, "abc")) << given;
  EXPECT_FALSE(equal_in_constant_time("", ""));
}

TEST(Access, KnowsLoopbackNames) {
  const AccessRule rule("");
  for (const char* host : {"localhost", "localhost:1", "127.0.0.1:80", "[::1]", "[::1]:80"}) {
    EXPECT_EQ(rule.judge("", host), AccessRule::Verdict::kAllowed) << host;
  }
  for (const char* host : {"", "evil.example", "127.evil.example", "localhost.evil.example:80", "[::2]:80"}) {
    EXPECT_EQ(rule.judge("", host), AccessRule::Verdict::kForeignHost) << host;
  }
}

TEST(WorkerPool, RunsEveryJobThatWasAddedBeforeItFinishes) {
  std::atomic<int> done{0};
  WorkerPool pool(2, 1);
  for (int i = 0; i < 50; ++i) pool.add([&] { ++done; });
  pool.finish();
  EXPECT_EQ(done, 50);
}

}  // namespace
}  // namespace weir
