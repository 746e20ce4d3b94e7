#include "web/status_mapping.h"

#include <curl/curl.h>
#include <gtest/gtest.h>

#include "web/http_client.h"

namespace weir::web {
namespace {

TEST(Transport, WhatFailsBeforeTheFirstByteOfTheBodyIsUnavailableAndUnknownAfterwards) {
  for (const CURLcode code : {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
                              CURLE_PEER_FAILED_VERIFICATION, CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING}) {
    EXPECT_EQ(from_transport(code, "", false).code(), StatusCode::kUnavailable);
  }
  for (const CURLcode code :
       {CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_SEND_FAIL_REWIND}) {
    EXPECT_EQ(from_transport(code, "", true).code(), StatusCode::kOutcomeUnknown);
  }
}

TEST(Transport, WhatNoServerCanMendIsTheCallersFault) {
  for (const CURLcode code : {CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT, CURLE_SSL_CACERT_BADFILE}) {
    EXPECT_EQ(from_transport(code, "", false).code(), StatusCode::kInvalidArgument);
  }
}

TEST(Header, IsFoundByNameInAnyCaseAndWithoutBlanks) {
  EXPECT_EQ(header_value("x-rows: 12 \r\n", "X-Rows"), "12");
  EXPECT_EQ(header_value("X-Rows:12", "X-Rows"), "12");
  EXPECT_EQ(header_value("X-Rows-More: 12\r\n", "X-Rows"), "");
  EXPECT_EQ(header_value("X-Rows: \r\n", "X-Rows"), "");
  EXPECT_EQ(header_value("HTTP/1.1 200 OK\r\n", "X-Rows"), "");
}

TEST(Client, SaysWhyItCannotReachAServerAndThatNothingWasSent) {
  const auto client = HttpClient::open({.connect_timeout = std::chrono::milliseconds(2'000)});
  ASSERT_TRUE(client.ok());
  const auto answer = (*client)->exchange({.url = "http://127.0.0.1:1/", .headers = {"X-Key: hush"}, .body = "x"});
  ASSERT_FALSE(answer.ok());
  EXPECT_EQ(answer.status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(answer.status().message().find("hush"), std::string::npos);
}

TEST(Client, RefusesOtherSchemes) {
  const auto client = HttpClient::open({});
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->exchange({.method = Method::kGet, .url = "file:///etc/hostname"}).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace weir::web
