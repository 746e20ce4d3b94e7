#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nats/publisher.h"
#include "nats/stream_admin.h"
#include "nats/stream_source.h"
#include "tests/support/nats_server.h"

namespace weir::nats {

inline constexpr int kPatience = 600;  // reads of 100 ms until a test gives up

inline std::vector<std::string> numbered(int64_t first, int64_t last, const std::string& padding = {}) {
  std::vector<std::string> payloads;
  for (int64_t n = first; n <= last; ++n) payloads.push_back(std::to_string(n) + padding);
  return payloads;
}

/// One server with the stream S of subjects a.> and b.>, and a connection.
class StreamFixture : public ::testing::Test {
 protected:
  StreamFixture() { connect(); }

  void connect() {
    connection_ =
        std::move(Connection::open({.url = server_.url(), .request_timeout = std::chrono::seconds(2)})).value();
    admin_.emplace(*StreamAdmin::open(*connection_));
    publisher_ = std::move(Publisher::open(*connection_)).value();
  }
  void make_stream(StreamSpec spec = {.name = "S", .subjects = {"a.>", "b.>"}}) {
    ASSERT_TRUE(admin_->create(spec).ok());
  }
  void publish(const std::string& subject, const std::vector<std::string>& payloads) {
    ASSERT_TRUE(publisher_->publish(subject, payloads).ok());
    const Status flushed = publisher_->flush();
    ASSERT_TRUE(flushed.ok()) << flushed.to_string();
  }
  std::unique_ptr<StreamSource> source(SourceOptions options = {}) {
    if (options.stream.empty()) options.stream = "S";
    return std::move(StreamSource::create(*connection_, system_clock(), options)).value();
  }
  void wait_connected() {
    ASSERT_TRUE(connection_->wait_connected(std::chrono::seconds(60), {}).ok());
    // JetStream itself is ready a moment after the server is.
    for (int i = 0; i < kPatience && !admin_->info("S").ok(); ++i) {
      ASSERT_TRUE(connection_->wait_connected(std::chrono::seconds(60), {}).ok());
    }
  }

  /// The server keeps what it has now for roll_back().
  void keep_store() {
    server_.stop();
    server_.save_store();
    server_.restart();
    wait_connected();
  }
  /// The server dies and comes back with what keep_store() kept.
  void roll_back() {
    server_.kill();
    server_.restore_store();
    server_.restart();
    wait_connected();
  }

  /// Reads until everything up to `last` is covered; checks that the ranges join and messages lie inside them.
  /// Returns what came; the first error but kUnavailable ends it.
  struct Read {
    std::vector<int64_t> seqs;
    std::vector<std::string> payloads;
    std::vector<std::string> headers;
    Seq position;
    Status error;
  };
  Read read_through(StreamSource& source, Seq position, Seq last, ReadLimits limits = {}) {
    Read read{.position = position};
    for (int i = 0; read.position < last && i < kPatience; ++i) {
      auto batch = source.next(limits, {});
      if (!batch.ok() && batch.status().code() == StatusCode::kUnavailable) continue;
      if (!batch.ok()) {
        read.error = batch.status();
        return read;
      }
      EXPECT_EQ((*batch)->range().first, read.position + 1);
      if ((*batch)->range().empty()) continue;
      i = 0;
      for (const Message& message : (*batch)->messages()) {
        EXPECT_TRUE((*batch)->range().contains(message.seq));
        EXPECT_GT(message.time_us, 1'600'000'000'000'000);
        read.seqs.push_back(message.seq.value);
        read.payloads.emplace_back(message.payload);
        read.headers.emplace_back(message.headers);
      }
      read.position = (*batch)->range().last;
    }
    EXPECT_GE(read.position, last);
    return read;
  }

  test::NatsServer server_;
  std::unique_ptr<Connection> connection_;
  std::optional<StreamAdmin> admin_;
  std::unique_ptr<Publisher> publisher_;
};

}  // namespace weir::nats
