#include "trino/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trino/authorization.h"
#include "trino/status_mapping.h"

namespace weir::trino {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecure = "https://trino.example:8443";

StatusCode code_of(std::string name, std::string type) {
  return from_statement_error({.code = 1, .name = std::move(name), .type = std::move(type), .message = "m"}).code();
}

TEST(Options, SecretsNeedHttpsAndAreNeverQuoted) {
  const Status clear = check_options({.url = "http://127.0.0.1:8080", .password = "hush"});
  EXPECT_EQ(clear.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(clear.message(), Not(HasSubstr("hush")));
  EXPECT_FALSE(check_options({.url = "http://127.0.0.1:8080", .jwt = "hush"}).ok());
  EXPECT_FALSE(check_options({.url = kSecure, .password = "a", .jwt = "b"}).ok());
  EXPECT_TRUE(check_options({.url = kSecure, .password = "a"}).ok());
  EXPECT_TRUE(check_options({.url = "http://127.0.0.1:8080"}).ok());
}

TEST(Options, ALineBreakCannotBringAHeaderOfItsOwn) {
  const Status broken = check_options({.url = kSecure, .password = "hush\r\nX-Trino-User: admin"});
  EXPECT_EQ(broken.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(broken.message(), Not(HasSubstr("hush")));
  EXPECT_FALSE(check_options({.url = kSecure, .user = "weir\nX: y"}).ok());
  EXPECT_FALSE(check_options({.url = kSecure, .user = "we:ir", .password = "a"}).ok());
}

TEST(Options, AreSentAsBasicOrBearer) {
  EXPECT_EQ(authorization_header({.user = "weir"}), "");
  EXPECT_EQ(authorization_header({.user = "Aladdin", .password = "open sesame"}),
            "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
  EXPECT_EQ(authorization_header({.user = "a", .password = "bc"}), "Authorization: Basic YTpiYw==");
  EXPECT_EQ(authorization_header({.user = "a", .password = "b"}), "Authorization: Basic YTpi");
  // As ISO 8859-1, and what that does not have as it is.
  EXPECT_EQ(authorization_header({.user = "a", .password = "\xC3\xA9"}), "Authorization: Basic YTrp");
  EXPECT_EQ(authorization_header({.user = "a", .password = "\xE2\x82\xAC"}), "Authorization: Basic YTrigqw=");
  EXPECT_EQ(authorization_header({.user = "weir", .jwt = "x.y.z"}), "Authorization: Bearer x.y.z");
}

TEST(Page, CarriesColumnsRowsAndTheNextPathButNotTheHostThatTheServerNames) {
  const auto page = parse_statement_page(R"({"id":"q1","nextUri":"http://inside:8080/v1/statement/executing/q1/y1/2?a=b",
      "columns":[{"name":"n","type":"bigint"},{"name":"t","type":"timestamp(3) with time zone"}],
      "data":[[9223372036854775807,"2026-01-01 00:00:00.000 UTC"],[null,null]],"stats":{"state":"RUNNING"}})");
  ASSERT_TRUE(page.ok()) << page.status().to_string();
  EXPECT_EQ(page->query_id, "q1");
  EXPECT_EQ(page->next_path, "/v1/statement/executing/q1/y1/2?a=b");
  ASSERT_EQ(page->columns.size(), 2U);
  EXPECT_EQ(page->columns[1].type, "timestamp(3) with time zone");
  ASSERT_EQ(page->rows.size(), 2U);
  EXPECT_EQ(page->rows[0][0].get<int64_t>(), 9223372036854775807);
  EXPECT_TRUE(page->rows[1][0].is_null());
}

TEST(Page, SaysWhatFailed) {
  const auto page = parse_statement_page(R"({"id":"q","stats":{},"error":{"message":"line 1:1: no","errorCode":46,
      "errorName":"TABLE_NOT_FOUND","errorType":"USER_ERROR"}})");
  ASSERT_TRUE(page.ok());
  ASSERT_TRUE(page->error.has_value());
  EXPECT_EQ(from_statement_error(*page->error).to_string(), "not found: Trino: TABLE_NOT_FOUND: line 1:1: no");
  EXPECT_EQ(page->next_path, "");
}

TEST(Page, IsNotWhateverElseAnswersAtThePort) {
  for (const char* body : {"", "<html>", "[]", "{}", R"({"id":"q"})", R"({"id":"q","stats":{},"nextUri":"nowhere"})"}) {
    EXPECT_EQ(parse_statement_page(body).status().code(), StatusCode::kUnavailable) << body;
  }
}

TEST(Errors, AreCalledByWhatToDoAboutThem) {
  EXPECT_EQ(code_of("PERMISSION_DENIED", "USER_ERROR"), StatusCode::kPermissionDenied);
  EXPECT_EQ(code_of("SCHEMA_NOT_FOUND", "USER_ERROR"), StatusCode::kNotFound);
  EXPECT_EQ(code_of("TABLE_ALREADY_EXISTS", "USER_ERROR"), StatusCode::kAlreadyExists);
  EXPECT_EQ(code_of("SYNTAX_ERROR", "USER_ERROR"), StatusCode::kInvalidArgument);
  EXPECT_EQ(code_of("USER_CANCELED", "USER_ERROR"), StatusCode::kUnavailable);
  EXPECT_EQ(code_of("QUERY_QUEUE_FULL", "INSUFFICIENT_RESOURCES"), StatusCode::kUnavailable);
  EXPECT_EQ(code_of("EXCEEDED_LOCAL_MEMORY_LIMIT", "INSUFFICIENT_RESOURCES"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code_of("JDBC_ERROR", "EXTERNAL"), StatusCode::kUnavailable);
  EXPECT_EQ(code_of("SOMETHING_NEW", ""), StatusCode::kUnavailable);
}

TEST(Errors, OfHttpSayWhoseFaultItIs) {
  EXPECT_EQ(from_http_status(401, "Invalid credentials").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(from_http_status(403, "").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(from_http_status(404, "").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(from_http_status(307, "").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(from_http_status(500, "oops").code(), StatusCode::kUnavailable);
  for (const int busy : {429, 502, 503, 504}) EXPECT_TRUE(is_busy(busy));
  for (const int other : {200, 401, 500}) EXPECT_FALSE(is_busy(other));
  EXPECT_THAT(from_http_status(500, std::string(100'000, 'x')).message().size(), testing::Lt(2'000U));
}

TEST(Client, SaysThatNobodyAnswers) {
  const auto client = Client::open({.url = "http://127.0.0.1:1/"});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->execute("SELECT 1").status().code(), StatusCode::kUnavailable);
  EXPECT_EQ((*client)->info().status().code(), StatusCode::kUnavailable);
}

TEST(Client, DoesNotBeginAStatementThatIsNotWantedAnyLonger) {
  const auto client = Client::open({.url = "http://127.0.0.1:1"});
  ASSERT_TRUE(client.ok());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ((*client)->execute("SELECT 1", stop.get_token()).status().code(), StatusCode::kShuttingDown);
  EXPECT_EQ((*client)->execute("SELECT 1", {}, {.time_zone = "UTC\r\nX: y"}).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir::trino
