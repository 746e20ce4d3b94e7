#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/support/stream_fixture.h"

namespace weir::nats {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;

/// What the stream loses must be found before a reader passes over it: at seek, and while it reads.
class StreamLossIntegration : public StreamFixture {
 protected:
  /// Reads until an error other than kUnavailable comes.
  Status read_until_error(StreamSource& source, std::vector<int64_t>* seqs = nullptr) {
    for (int i = 0; i < kPatience; ++i) {
      auto batch = source.next({.wait = milliseconds(100)}, {});
      if (!batch.ok() && batch.status().code() != StatusCode::kUnavailable) return batch.status();
      if (!batch.ok() || seqs == nullptr) continue;
      for (const Message& message : (*batch)->messages()) seqs->push_back(message.seq.value);
    }
    return ok_status();
  }
  StreamIdentity identity_at(int64_t seq) {
    const JetStreamApi api = *JetStreamApi::open(*connection_);
    return {admin_->info("S")->created_us, seq, api.message_at("S", seq)->time_us};
  }
  void expect_loss(const Status& status, const std::string& range, const std::string& reason) {
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status.to_string();
    EXPECT_THAT(status.message(),
                AllOf(HasSubstr("stream S"), HasSubstr(range), HasSubstr(reason), HasSubstr("--accept-gap")));
  }
};

TEST_F(StreamLossIntegration, SeekFindsThatEventsAfterThePositionWerePurged) {
  make_stream();
  publish("a.x", numbered(1, 100));
  const StreamIdentity known = identity_at(40);
  ASSERT_TRUE(admin_->purge("S", 61).ok());
  expect_loss(source()->seek(Seq{41}, known), "41..60", "purged");
  EXPECT_TRUE(source()->seek(Seq{61}, known).ok());
  ASSERT_TRUE(admin_->purge("S").ok());
  expect_loss(source()->seek(Seq{61}, known), "61..100", "purged");
  EXPECT_TRUE(source()->seek(Seq{101}, known).ok());
}

TEST_F(StreamLossIntegration, SeekFindsThatTheStreamWasTrimmedByItsLimits) {
  make_stream({.name = "S", .subjects = {"a.>"}, .max_messages = 50});
  publish("a.x", numbered(1, 120));
  expect_loss(source()->seek(Seq{11}, std::nullopt), "11..70", "trimmed");
}

TEST_F(StreamLossIntegration, SeekFindsThatTheStreamWasReCreatedEvenIfItIsLonger) {
  make_stream();
  publish("a.x", numbered(1, 100));
  const StreamIdentity known = identity_at(100);
  ASSERT_TRUE(admin_->remove("S").ok());
  make_stream();
  publish("a.x", numbered(1, 200));
  expect_loss(source()->seek(Seq{101}, known), "event 100", "re-created");
}

TEST_F(StreamLossIntegration, SeekFindsARollbackBelowThePositionAndOneThatWasWrittenOver) {
  make_stream();
  publish("a.x", numbered(1, 100));
  keep_store();
  publish("a.x", numbered(101, 150));
  const StreamIdentity known = identity_at(150);
  roll_back();
  expect_loss(source()->seek(Seq{151}, known), "101..150", "rolled back");
  publish("a.x", numbered(1, 100));
  expect_loss(source()->seek(Seq{151}, known), "event 150", "rolled back and written over");
}

TEST_F(StreamLossIntegration, ReadingAgainFromFurtherBackForgetsNothingOfWhatWasReadBefore) {
  make_stream();
  publish("a.x", numbered(1, 100));
  keep_store();
  publish("a.x", numbered(101, 150));
  const auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{101}, std::nullopt).ok());
  ASSERT_EQ(read_through(*reader, Seq{100}, Seq{150}).seqs.size(), 50U);
  // Another table is behind, and reads below everything that is rolled back now.
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  const auto batch = reader->next({.messages_max = 20, .wait = milliseconds(5'000)}, {});
  ASSERT_TRUE(batch.ok()) << batch.status().to_string();
  roll_back();
  publish("a.x", numbered(1, 100));
  expect_loss(reader->seek(Seq{1}, std::nullopt), "event 150", "rolled back and written over");
}

TEST_F(StreamLossIntegration, APurgeWhileReadingIsFoundAndNothingBehindItIsHandedOut) {
  make_stream();
  publish("a.x", numbered(1, 50'000, std::string(500, 'x')));
  auto reader = source({.stream = "S", .request_messages = 500, .prefetch_bytes = 100'000});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  Read read = read_through(*reader, Seq{0}, Seq{1'000});
  ASSERT_TRUE(admin_->purge("S", 40'001).ok());
  const Status status = read_until_error(*reader, &read.seqs);
  const int64_t last = read.seqs.back();
  EXPECT_LT(last, 40'000);
  EXPECT_EQ(static_cast<int64_t>(read.seqs.size()), last);
  expect_loss(status, std::to_string(last + 1) + "..40000", "purged");
  expect_loss(reader->next({.wait = milliseconds(100)}, {}).status(), std::to_string(last + 1) + "..40000", "purged");
}

TEST_F(StreamLossIntegration, APurgeOfAnIdleStreamThatWasReadToItsEndLosesNothing) {
  make_stream();
  publish("a.x", numbered(1, 100));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  EXPECT_EQ(read_through(*reader, Seq{0}, Seq{100}).seqs.size(), 100u);
  ASSERT_TRUE(admin_->purge("S").ok());
  publish("a.x", numbered(101, 110));
  EXPECT_EQ(read_through(*reader, Seq{100}, Seq{110}).seqs.size(), 10u);
}

TEST_F(StreamLossIntegration, AJumpOverWhatWasTrimmedAfterTheConsumerWasMadeIsNotTakenForAFilteredOne) {
  make_stream();
  publish("a.x", {"first"});
  publish("b.x", numbered(1, 1'000));
  publish("a.x", {"second"});
  publish("b.x", numbered(1, 1'000));
  publish("a.x", {"third"});
  const JetStreamApi api = *JetStreamApi::open(*connection_);
  const SourceOptions options{.stream = "S", .subjects = {"a.>"}};
  auto session = PullSession::open(*connection_, api, system_clock(), options, 1);
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(admin_->purge("S", 1'501).ok());  // takes "first" and "second" with it
  (*session)->start(admin_->info("S")->created_us);
  EXPECT_EQ((*session)->pop(std::chrono::seconds(30), {}), nullptr);
  while (!(*session)->end()) std::this_thread::yield();  // The queue closes a moment before.
  expect_loss((*session)->end().value_or(ok_status()), "1..1500", "purged");
}

TEST_F(StreamLossIntegration, WhatCameBeforeTheLostRangeIsHandedOut) {
  make_stream();
  publish("a.x", numbered(1, 200));
  // One request of ten messages at a time: the purge falls between two of them.
  auto reader = source({.stream = "S", .request_messages = 10, .prefetch_bytes = 1});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  Read read = read_through(*reader, Seq{0}, Seq{1}, {.messages_max = 1});
  ASSERT_TRUE(admin_->purge("S", 151).ok());
  const Status status = read_until_error(*reader, &read.seqs);
  ASSERT_EQ(static_cast<int64_t>(read.seqs.size()), read.seqs.back());
  expect_loss(status, std::to_string(read.seqs.back() + 1) + "..150", "purged");
}

TEST_F(StreamLossIntegration, AStreamThatWasDeletedIsALossToWhoReadFromIt) {
  make_stream();
  publish("a.x", numbered(1, 100));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  read_through(*reader, Seq{0}, Seq{100});
  const StreamIdentity known = identity_at(100);
  ASSERT_TRUE(admin_->remove("S").ok());
  expect_loss(read_until_error(*reader), "event 100", "deleted");
  expect_loss(source()->seek(Seq{101}, known), "event 100", "deleted");
}

TEST_F(StreamLossIntegration, ReCreationWhileReadingIsFound) {
  make_stream();
  publish("a.x", numbered(1, 100));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  read_through(*reader, Seq{0}, Seq{100});
  ASSERT_TRUE(admin_->remove("S").ok());
  make_stream();
  publish("a.x", numbered(1, 300));
  std::vector<int64_t> seqs;
  Status status = read_until_error(*reader, &seqs);
  // For a moment there was no stream at all.
  if (status.message().find("deleted") != std::string::npos) status = read_until_error(*reader, &seqs);
  expect_loss(status, "event 100", "re-created");
  EXPECT_TRUE(seqs.empty());
}

TEST_F(StreamLossIntegration, ARollbackBelowWhatWasReadIsFoundAfterTheReconnect) {
  make_stream();
  publish("a.x", numbered(1, 100));
  keep_store();
  publish("a.x", numbered(101, 150));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  read_through(*reader, Seq{0}, Seq{150});
  server_.kill();
  server_.restore_store();
  server_.restart();
  expect_loss(read_until_error(*reader), "101..150", "rolled back");
}

TEST_F(StreamLossIntegration, ATailThatIsRolledBackAndWrittenOverWhileWeWereAwayIsFound) {
  make_stream();
  publish("a.x", numbered(1, 100));
  keep_store();
  publish("a.x", numbered(101, 150));
  auto reader = source();
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  read_through(*reader, Seq{0}, Seq{150});
  roll_back();
  publish("a.x", numbered(101, 250));
  std::vector<int64_t> seqs;
  expect_loss(read_until_error(*reader, &seqs), "event 150", "rolled back and written over");
  EXPECT_TRUE(seqs.empty());
}

TEST_F(StreamLossIntegration, AKilledServerLosesNothingThatItStillHas) {
  make_stream();
  publish("a.x", numbered(1, 20'000));
  auto reader = source({.stream = "S", .prefetch_bytes = 100'000});
  ASSERT_TRUE(reader->seek(Seq{1}, std::nullopt).ok());
  Read read = read_through(*reader, Seq{0}, Seq{5'000});
  server_.kill();
  server_.restart();
  const Read rest = read_through(*reader, read.position, Seq{20'000});
  ASSERT_TRUE(rest.error.ok()) << rest.error.to_string();
  EXPECT_EQ(read.seqs.size() + rest.seqs.size(), 20'000u);
}

}  // namespace
}  // namespace weir::nats
