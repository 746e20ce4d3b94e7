#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iostream>

#include "nats/direct_read.h"
#include "nats/stream_source.h"
#include "tests/support/stream_fixture.h"

namespace weir::nats {
namespace {

using StreamSourceIntegration = StreamFixture;

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST_F(StreamSourceIntegration, ReadsAHundredThousandEventsByPositionInOrder) {
  make_stream();
  publish("a.x", numbered(1, 100'000));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{501}, std::nullopt).ok());
  const Read read = read_through(*reader, Seq{500}, Seq{100'000});
  ASSERT_EQ(read.seqs.size(), 99'500u);
  for (size_t i = 0; i < read.seqs.size(); ++i) {
    ASSERT_EQ(read.seqs[i], static_cast<int64_t>(i) + 501);
    ASSERT_EQ(read.payloads[i], std::to_string(read.seqs[i]));
  }
  EXPECT_EQ(reader->consumers_replaced(), 0);
  ASSERT_TRUE(reader->seek(Seq{99'999}, std::nullopt).ok());
  EXPECT_EQ(read_through(*reader, Seq{99'998}, Seq{100'000}).seqs, (std::vector<int64_t>{99'999, 100'000}));
}

TEST_F(StreamSourceIntegration, KeepsTheLimitsOfARead) {
  make_stream();
  publish("a.x", numbered(1, 1'000, std::string(1'000, '.')));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  int64_t read = 0;
  while (read < 1'000) {
    auto batch = reader->next({.messages_max = 7, .bytes_max = 5'000, .wait = milliseconds(500)}, {});
    ASSERT_TRUE(batch.ok());
    EXPECT_LE((*batch)->messages().size(), 7u);
    EXPECT_LE((*batch)->bytes(), 5'000);
    read = (*batch)->range().last.value;
  }
}

TEST_F(StreamSourceIntegration, AddsTheBaseOfItsIncarnation) {
  make_stream();
  publish("a.x", numbered(1, 10));
  auto reader = source({.stream = "S", .base = 1'000});
  EXPECT_EQ(reader->seek(Seq{1'000}, std::nullopt).code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(reader->seek(Seq{1'005}, std::nullopt).ok());
  EXPECT_EQ(read_through(*reader, Seq{1'004}, Seq{1'010}).seqs.front(), 1'005);
  const auto state = reader->state();
  EXPECT_EQ(state->first, Seq{1'001});
  EXPECT_EQ(state->last, Seq{1'010});
}

TEST_F(StreamSourceIntegration, AFilterLeavesGapsThatAreProvenEmptyAndCoversTheEndWhenIdle) {
  make_stream();
  for (int round = 0; round < 50; ++round) {
    publish("a.x", numbered(round, round));
    publish("b.x", numbered(1, 20));
  }
  auto reader = source({.stream = "S", .subjects = {"a.>"}});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  Read read = read_through(*reader, Seq{0}, Seq{1'050});  // the last 20 are not ours
  ASSERT_EQ(read.seqs.size(), 50u);
  for (size_t i = 0; i < 50; ++i) EXPECT_EQ(read.seqs[i], static_cast<int64_t>(i) * 21 + 1);
  publish("b.x", numbered(1, 100));
  read = read_through(*reader, Seq{1'050}, Seq{1'150});
  EXPECT_TRUE(read.seqs.empty());
  publish("a.y", {"after"});
  EXPECT_EQ(read_through(*reader, Seq{1'150}, Seq{1'151}).payloads, std::vector<std::string>{"after"});
  EXPECT_EQ(reader->consumers_replaced(), 0);
}

TEST_F(StreamSourceIntegration, SeveralFiltersAlsoCrossingOnesAndShardsSplitAStream) {
  make_stream();
  for (const char* subject : {"a.1", "a.2", "a.3", "b.1", "b.2"}) publish(subject, numbered(1, 10));
  auto two = source({.stream = "S", .subjects = {"a.1", "b.*"}});
  ASSERT_TRUE(two->seek(Seq{1}, std::nullopt).ok());
  EXPECT_EQ(read_through(*two, Seq{0}, Seq{50}).seqs.size(), 30u);
  auto crossing = source({.stream = "S", .subjects = {"a.*", "*.1"}});
  ASSERT_TRUE(crossing->seek(Seq{1}, std::nullopt).ok());
  EXPECT_EQ(read_through(*crossing, Seq{0}, Seq{50}).seqs.size(), 40u);
  size_t sum = 0;
  for (int shard = 0; shard < 3; ++shard) {
    auto part = source({.stream = "S", .shard = shard, .shards = 3});
    ASSERT_TRUE(part->seek(Seq{1}, std::nullopt).ok());
    sum += read_through(*part, Seq{0}, Seq{50}).seqs.size();
  }
  EXPECT_EQ(sum, 50u);
}

TEST_F(StreamSourceIntegration, ADeletedMessageIsAHoleAlsoAtTheEnd) {
  make_stream();
  publish("a.x", numbered(1, 100));
  for (const int64_t seq : {50, 51, 99, 100}) ASSERT_TRUE(admin_->remove_message("S", seq).ok());
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  EXPECT_EQ(read_through(*reader, Seq{0}, Seq{100}).seqs.size(), 96u);
}

TEST_F(StreamSourceIntegration, HeadersAndSubjectsComeAsTheyWereSent) {
  make_stream();
  const std::vector<std::pair<std::string, std::string>> headers = {{"Trace", "abc"}, {"Kind", "x"}, {"Kind", "y"}};
  ASSERT_TRUE(publisher_->publish("a.x", {.payload = "with", .message_id = {}, .headers = headers}).ok());
  ASSERT_TRUE(publisher_->publish("b.y", std::vector<std::string>{"without"}).ok());
  ASSERT_TRUE(publisher_->publish("b.y", {.payload = "", .message_id = {}, .headers = {}}).ok());
  ASSERT_TRUE(publisher_->flush().ok());
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  const Read read = read_through(*reader, Seq{0}, Seq{3});
  EXPECT_EQ(read.headers, (std::vector<std::string>{"Kind: x\r\nKind: y\r\nTrace: abc\r\n", "", ""}));
  EXPECT_EQ(read.payloads, (std::vector<std::string>{"with", "without", ""}));
}

TEST_F(StreamSourceIntegration, MessagesLargerThanARequestComeAlone) {
  make_stream();
  for (const size_t mib : {1u, 8u, 2u, 4u, 8u, 1u}) publish("a.x", {std::string(mib << 20, 'x'), "small"});
  auto reader = source({.stream = "S", .request_bytes = 3 << 20, .prefetch_bytes = 1 << 20});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  const Read read = read_through(*reader, Seq{0}, Seq{12});
  ASSERT_EQ(read.payloads.size(), 12u);
  EXPECT_EQ(read.payloads[2].size(), 8u << 20);
  EXPECT_EQ(read.payloads[8].size(), 8u << 20);
  EXPECT_EQ(read.payloads[11], "small");
  EXPECT_EQ(reader->consumers_replaced(), 0);
}

TEST_F(StreamSourceIntegration, AnIdleReadReturnsEmptyAndAStoppedOneSaysSo) {
  make_stream();
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  EXPECT_TRUE((*reader->next({.wait = milliseconds(20)}, {}))->range().empty());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(reader->next({}, stop.get_token()).status().code(), StatusCode::kShuttingDown);
}

TEST_F(StreamSourceIntegration, AConsumerDeletedBySomebodyElseIsReplacedWithoutLossOrRepetition) {
  make_stream();
  publish("a.x", numbered(1, 20'000));
  auto reader = source({.stream = "S", .prefetch_bytes = 100'000});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  Read all;
  for (int64_t end = 2'000; end <= 20'000; end += 2'000) {
    Read read = read_through(*reader, all.position, Seq{end});
    all.seqs.insert(all.seqs.end(), read.seqs.begin(), read.seqs.end());
    all.position = read.position;
    const auto consumers = admin_->consumers("S");
    for (const ConsumerInfo& consumer : *consumers) {
      ASSERT_TRUE(admin_->remove_consumer("S", consumer.name).ok());
    }
  }
  ASSERT_EQ(all.seqs.size(), 20'000u);
  for (size_t i = 0; i < all.seqs.size(); ++i) ASSERT_EQ(all.seqs[i], static_cast<int64_t>(i) + 1);
  EXPECT_GT(reader->consumers_replaced(), 0);
}

TEST_F(StreamSourceIntegration, AServerThatRestartsInTheMiddleIsWaitedFor) {
  make_stream();
  publish("a.x", numbered(1, 30'000));
  auto reader = source({.stream = "S", .prefetch_bytes = 100'000});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  Read read = read_through(*reader, Seq{0}, Seq{5'000});
  server_.stop();
  size_t count = read.seqs.size();
  Status away;
  for (int i = 0; i < kPatience && away.ok(); ++i) {
    auto batch = reader->next({.wait = milliseconds(100)}, {});
    if (!batch.ok()) {
      away = batch.status();
    } else {
      count += (*batch)->messages().size();
      read.position = std::max(read.position, (*batch)->range().last);
    }
  }
  EXPECT_EQ(away.code(), StatusCode::kUnavailable) << away.to_string();
  server_.restart();
  count += read_through(*reader, read.position, Seq{30'000}).seqs.size();
  EXPECT_EQ(count, 30'000u);
  publish("a.x", numbered(30'001, 30'010));
  EXPECT_EQ(read_through(*reader, Seq{30'000}, Seq{30'010}).seqs.size(), 10u);
}

TEST_F(StreamSourceIntegration, ReadingSequenceBySequenceGivesTheSame) {
  make_stream();
  for (int i = 0; i < 30; ++i) publish(i % 3 == 0 ? "b.x" : "a.x", numbered(i, i));
  ASSERT_TRUE(admin_->remove_message("S", 11).ok());
  const SourceOptions options{.stream = "S", .subjects = {"a.>"}};
  const JetStreamApi api = *JetStreamApi::open(*connection_);
  const auto created_us = admin_->info("S")->created_us;
  const auto chunk = read_sequences(api, options, created_us, Seq{5}, 20);
  ASSERT_TRUE(chunk.ok()) << chunk.status().to_string();
  EXPECT_EQ((*chunk)->range(), (SeqRange{Seq{6}, Seq{25}}));
  EXPECT_EQ((*chunk)->messages().size(), 12u);  // 20 without every third and the deleted one
  EXPECT_TRUE((*read_sequences(api, options, created_us, Seq{30}, 20))->range().empty());
  EXPECT_EQ(read_sequences(api, options, created_us + 1, Seq{5}, 20).status().code(), StatusCode::kUnavailable);
}

TEST_F(StreamSourceIntegration, OtherRetentionsAreRefusedByName) {
  make_stream({.name = "S", .subjects = {"a.>"}, .retention = Retention::kWorkQueue});
  const Status status = source()->seek(Seq{1}, std::nullopt);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("stream S"), HasSubstr("workqueue"), HasSubstr("not supported yet")));
}

TEST_F(StreamSourceIntegration, AStreamThatIsNotThereIsNotFound) {
  EXPECT_EQ(source()->seek(Seq{1}, std::nullopt).code(), StatusCode::kNotFound);
}

TEST_F(StreamSourceIntegration, PrintsItsThroughputBesideThatOfABarePull) {
  make_stream();
  constexpr int64_t kEvents = 300'000;
  publish("a.x", numbered(1, kEvents, std::string(180, 'x')));
  const auto rate = [&](auto read) {
    const auto start = std::chrono::steady_clock::now();
    read();
    return static_cast<double>(kEvents) /
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const double bare = rate([&] {
    natsSubscription* subscription = nullptr;
    jsCtx* js = nullptr;
    jsSubOptions options;
    ASSERT_EQ(jsSubOptions_Init(&options), NATS_OK);
    options.Config.AckPolicy = js_AckNone;
    ASSERT_EQ(natsConnection_JetStream(&js, connection_->raw(), nullptr), NATS_OK);
    ASSERT_EQ(js_PullSubscribe(&subscription, js, "a.x", "bare", nullptr, &options, nullptr), NATS_OK);
    for (int64_t count = 0; count < kEvents;) {
      natsMsgList list{};
      ASSERT_EQ(natsSubscription_Fetch(&list, subscription, 5'000, 5'000, nullptr), NATS_OK);
      count += list.Count;
      natsMsgList_Destroy(&list);
    }
    natsSubscription_Destroy(subscription);
    jsCtx_Destroy(js);
  });
  const double ours = rate([&] {
    auto reader = source();
    ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
    for (int64_t position = 0; position < kEvents;) {
      auto batch = reader->next({}, {});
      ASSERT_TRUE(batch.ok());
      position = std::max(position, (*batch)->range().last.value);
    }
  });
  std::cout << "bare pull: " << static_cast<int64_t>(bare) << " msg/s, source: " << static_cast<int64_t>(ours)
            << " msg/s\n";
}

}  // namespace
}  // namespace weir::nats
