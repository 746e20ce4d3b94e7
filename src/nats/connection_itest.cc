#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "nats/connection.h"
#include "nats/publisher.h"
#include "nats/stream_admin.h"
#include "tests/support/nats_server.h"

namespace weir::nats {
namespace {

using std::chrono::seconds;
using ::testing::HasSubstr;

TEST(ConnectionIntegration, AServerThatIsNotThereIsUnavailable) {
  test::NatsServer server;
  const std::string url = server.url();
  server.stop();
  const Status status = Connection::open({.url = url}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.to_string();
  EXPECT_THAT(status.message(), HasSubstr(url));
}

TEST(ConnectionIntegration, AWrongPasswordIsDeniedAndTheRightOneIsNot) {
  test::NatsServer server({.user = "weir", .password = "right \"quoted\""});
  EXPECT_EQ(Connection::open({.url = server.url(), .user = "weir", .password = "wrong"}).status().code(),
            StatusCode::kPermissionDenied);
  EXPECT_EQ(Connection::open({.url = server.url()}).status().code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(Connection::open({.url = server.url(), .user = "weir", .password = "right \"quoted\""}).ok());
}

TEST(ConnectionIntegration, ATokenIsSent) {
  test::NatsServer server({.extra_config = R"(authorization { token: "s3\"cret" })"});
  EXPECT_EQ(Connection::open({.url = server.url(), .token = "wrong"}).status().code(), StatusCode::kPermissionDenied);
  EXPECT_TRUE(Connection::open({.url = server.url(), .token = "s3\"cret"}).ok());
}

TEST(ConnectionIntegration, TlsThatDoesNotFitIsAMatterOfConfiguration) {
  test::NatsServer server;
  EXPECT_EQ(Connection::open({.url = server.url(), .tls_ca = "/nowhere/ca.pem"}).status().code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(Connection::open({.url = server.url(), .tls_cert = "/nowhere/cert.pem"}).status().code(),
            StatusCode::kInvalidArgument);
  std::string tls_url = server.url();
  tls_url.replace(0, 4, "tls");
  const Status status = Connection::open({.url = tls_url}).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << status.to_string();
}

TEST(ConnectionIntegration, AMalformedUrlOrAMissingCredentialsFileIsInvalid) {
  EXPECT_EQ(Connection::open({.url = ""}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Connection::open({.url = " , "}).status().code(), StatusCode::kInvalidArgument);
  const Status status = Connection::open({.credentials_file = "/nowhere/weir.creds"}).status();
  EXPECT_FALSE(status.ok());
}

TEST(ConnectionIntegration, ASecondServerOfTheListIsTried) {
  test::NatsServer gone;
  test::NatsServer there;
  gone.stop();
  EXPECT_TRUE(Connection::open({.url = gone.url() + ", " + there.url()}).ok());
}

TEST(ConnectionIntegration, AReconnectIsCountedAndMeanwhileCallsFailAtOnce) {
  test::NatsServer server;
  auto connection = std::move(Connection::open({.url = server.url()})).value();
  const uint64_t generation = connection->generation();
  EXPECT_EQ(connection->reconnects(), 0u);
  server.kill();
  for (int i = 0; i < 600 && connection->check().ok(); ++i) {
    const auto answer = connection->request("$JS.API.INFO", {}, Effect::kReads);
  }
  EXPECT_EQ(connection->check().code(), StatusCode::kUnavailable);
  EXPECT_EQ(connection->request("x", {}, Effect::kWrites).status().code(), StatusCode::kUnavailable);
  server.restart();
  ASSERT_TRUE(connection->wait_connected(seconds(60), {}).ok());
  EXPECT_EQ(connection->reconnects(), 1u);
  EXPECT_GT(connection->generation(), generation);
}

TEST(ConnectionIntegration, ACallThatTheServerForbidsIsDeniedByName) {
  test::NatsServer server({.extra_config = R"(
    authorization { users: [ { user: weir, password: pw, permissions: {
      publish: { deny: ["$JS.API.STREAM.CREATE.>"] } } } ] })"});
  auto connection = std::move(Connection::open({.url = server.url(),
                                                .user = "weir",
                                                .password = "pw",
                                                .request_timeout = std::chrono::milliseconds(500)}))
                        .value();
  const StreamAdmin admin = *StreamAdmin::open(*connection);
  const Status status = admin.create({.name = "S", .subjects = {"a.>"}});
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status.to_string();
  EXPECT_THAT(status.message(), HasSubstr("STREAM.CREATE.S"));
  EXPECT_EQ(admin.info("S").status().code(), StatusCode::kNotFound);
}

TEST(ConnectionIntegration, CredentialsThatAreRevokedLaterEndTheConnectionForGood) {
  auto folder = test::TempFolder();
  auto first = std::move(EmbeddedServer::start({.folder = folder.path(),
                                                .binary = *find_server_binary(WEIR_CACHE_DIR),
                                                .user = "weir",
                                                .password = "old"}))
                   .value();
  auto connection = std::move(Connection::open({.url = first->url(), .user = "weir", .password = "old"})).value();
  const int port = first->port();
  first.reset();
  auto second = EmbeddedServer::start({.folder = folder.path(),
                                       .binary = *find_server_binary(WEIR_CACHE_DIR),
                                       .port = port,
                                       .user = "weir",
                                       .password = "new"});
  ASSERT_TRUE(second.ok());
  Status status;
  for (int i = 0; i < 600 && status.code() != StatusCode::kPermissionDenied; ++i) {
    status = connection->wait_connected(std::chrono::milliseconds(100), {});
  }
  EXPECT_EQ(status.code(), StatusCode::kPermissionDenied) << status.to_string();
}

TEST(PublisherIntegration, RefusalsAreReportedByFlushAndDuplicatesAreStoredOnce) {
  test::NatsServer server;
  auto connection = std::move(Connection::open({.url = server.url()})).value();
  const StreamAdmin admin = *StreamAdmin::open(*connection);
  ASSERT_TRUE(admin.create({.name = "S", .subjects = {"a.>"}}).ok());
  EXPECT_TRUE(admin.create({.name = "S", .subjects = {"a.>"}}).ok());
  EXPECT_EQ(admin.create({.name = "S", .subjects = {"c.>"}}).code(), StatusCode::kAlreadyExists);
  auto publisher = std::move(Publisher::open(*connection, {.pending_max = 16})).value();
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(
        publisher->publish("a.x", {.payload = "p", .message_id = "id" + std::to_string(i / 2), .headers = {}}).ok());
  }
  ASSERT_TRUE(publisher->flush().ok());
  EXPECT_EQ(publisher->confirmed(), 100);
  EXPECT_EQ(admin.info("S")->messages, 50);
  ASSERT_TRUE(publisher->publish("nobody.listens", std::vector<std::string>{"p"}).ok());
  EXPECT_EQ(publisher->flush().code(), StatusCode::kNotFound);
  EXPECT_TRUE(publisher->flush().ok());
}

TEST(StreamAdminIntegration, SubjectsOfATableMustLieInsideThoseOfTheStream) {
  StreamInfo stream;
  stream.name = "S";
  stream.subjects = {"flights.>", "weather.*"};
  EXPECT_TRUE(check_subjects(stream, std::vector<std::string>{"flights.JFK", "weather.*"}).ok());
  const Status status = check_subjects(stream, std::vector<std::string>{"weather.>"});
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("flights.>, weather.*"));
}

TEST(StreamAdminIntegration, ListsWhatIsThere) {
  test::NatsServer server;
  auto connection = std::move(Connection::open({.url = server.url()})).value();
  const StreamAdmin admin = *StreamAdmin::open(*connection);
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(admin.create({.name = "S" + std::to_string(i), .subjects = {"s" + std::to_string(i)}}).ok());
  EXPECT_EQ(admin.streams()->size(), 3u);
  EXPECT_TRUE(admin.consumers("S0")->empty());
}

TEST(EmbeddedServerIntegration, ABinaryThatIsNotAServerIsReportedWithItsOutput) {
  auto folder = test::TempFolder();
  const Status status = EmbeddedServer::start({.folder = folder.path(), .binary = "/bin/false"}).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.to_string();
  EXPECT_EQ(
      EmbeddedServer::start(
          {.folder = folder.path(), .binary = *find_server_binary(WEIR_CACHE_DIR), .extra_config = "no such option: 1"})
          .status()
          .code(),
      StatusCode::kUnavailable);
}

}  // namespace
}  // namespace weir::nats
