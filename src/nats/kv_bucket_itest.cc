#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>
#include <thread>

#include "nats/kv_bucket.h"
#include "nats/kv_lease.h"
#include "tests/support/stream_fixture.h"

namespace weir::nats {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class KvBucketIntegration : public StreamFixture {
 protected:
  std::unique_ptr<KvBucket> bucket(const std::string& name = "weir_flights") {
    auto opened = KvBucket::open(*connection_, {.bucket = name});
    EXPECT_TRUE(opened.ok()) << opened.status().to_string();
    return std::move(opened).value();
  }
};

TEST_F(KvBucketIntegration, AKeyWithoutValueIsNotFoundAndIsCreatedOnlyOnce) {
  auto kv = bucket();
  EXPECT_EQ(kv->get("lease/S/0").status().code(), StatusCode::kNotFound);
  const auto revision = kv->put("lease/S/0", "one", 0);
  ASSERT_TRUE(revision.ok()) << revision.status().to_string();
  EXPECT_EQ(kv->get("lease/S/0")->value, "one");
  EXPECT_EQ(kv->get("lease/S/0")->revision, *revision);
  EXPECT_EQ(kv->put("lease/S/0", "two", 0).status().code(), StatusCode::kConflict);
}

TEST_F(KvBucketIntegration, AWriteWithAnOldRevisionIsAConflictAndChangesNothing) {
  auto kv = bucket();
  auto other = bucket();  // the second opening finds the bucket there
  const uint64_t first = *kv->put("hot/t/0", "one", 0);
  const uint64_t second = *other->put("hot/t/0", "two", first);
  EXPECT_GT(second, first);
  EXPECT_EQ(kv->put("hot/t/0", "three", first).status().code(), StatusCode::kConflict);
  EXPECT_EQ(kv->get("hot/t/0")->value, "two");
  EXPECT_EQ(kv->put("hot/t/1", "x", second).status().code(), StatusCode::kConflict);
}

TEST_F(KvBucketIntegration, BinaryAndEmptyValuesComeBackAsTheyWent) {
  auto kv = bucket();
  const std::string binary("\0\xff\r\n\x01", 5);
  ASSERT_TRUE(kv->put("a", binary, 0).ok());
  ASSERT_TRUE(kv->put("b", "", 0).ok());
  EXPECT_EQ(kv->get("a")->value, binary);
  EXPECT_EQ(kv->get("b")->value, "");
}

TEST_F(KvBucketIntegration, AKeyThatAPersonDeletedCanBeCreatedAgain) {
  auto kv = bucket();
  ASSERT_TRUE(kv->put("lease/S/0", "one", 0).ok());
  const std::vector<std::pair<std::string, std::string>> mark = {{"KV-Operation", "DEL"}};
  ASSERT_TRUE(
      publisher_->publish("$KV.weir_flights.lease/S/0", {.payload = {}, .message_id = {}, .headers = mark}).ok());
  ASSERT_TRUE(publisher_->flush().ok());
  EXPECT_EQ(kv->get("lease/S/0").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(kv->put("lease/S/0", "two", 0).ok());
  EXPECT_EQ(kv->get("lease/S/0")->value, "two");
}

TEST_F(KvBucketIntegration, KeysAndBucketsThatNatsWouldNotTakeAreRefusedHere) {
  auto kv = bucket();
  for (const char* key : {"", "a b", "a>", "*", ".a", "a.", "a..b", "\xc3\xa4"}) {
    EXPECT_EQ(kv->get(key).status().code(), StatusCode::kInvalidArgument) << key;
  }
  EXPECT_EQ(KvBucket::open(*connection_, {.bucket = "a.b"}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(KvBucketIntegration, ABucketWhoseEntriesExpireIsRefused) {
  ASSERT_TRUE(admin_->create({.name = "KV_short", .subjects = {"$KV.short.>"}, .max_age = seconds(60)}).ok());
  EXPECT_EQ(KvBucket::open(*connection_, {.bucket = "short"}).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(KvBucketIntegration, ValuesAndRevisionsSurviveARestartAndItIsUnavailableMeanwhile) {
  auto kv = bucket();
  const uint64_t revision = *kv->put("hot/t/0", "one", 0);
  server_.stop();
  Status away;
  for (int i = 0; i < kPatience && away.ok(); ++i) away = kv->get("hot/t/0").status();
  EXPECT_EQ(away.code(), StatusCode::kUnavailable) << away.to_string();
  const Status refused = kv->put("hot/t/0", "late", revision).status();
  EXPECT_EQ(refused.code(), StatusCode::kUnavailable) << refused.to_string();
  server_.restart();
  ASSERT_TRUE(connection_->wait_connected(seconds(60), {}).ok());
  EXPECT_GE(connection_->reconnects(), 1u);
  auto entry = kv->get("hot/t/0");
  for (int i = 0; i < kPatience && !entry.ok(); ++i) entry = kv->get("hot/t/0");
  EXPECT_EQ(entry->value, "one");  // the refused write did not arrive late
  EXPECT_EQ(entry->revision, revision);
  EXPECT_TRUE(kv->put("hot/t/0", "two", revision).ok());
}

TEST_F(KvBucketIntegration, AServerThatDoesNotAnswerAWriteLeavesItsOutcomeUnknown) {
  auto kv = bucket();
  const uint64_t revision = *kv->put("hot/t/0", "one", 0);
  ASSERT_EQ(::kill(server_.process().pid(), SIGSTOP), 0);
  siginfo_t stopped;  // kill() returns before the server's last thread has stopped, which could still answer
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(server_.process().pid()), &stopped, WSTOPPED | WNOWAIT), 0);
  const Status status = kv->put("hot/t/0", "two", revision).status();
  ASSERT_EQ(::kill(server_.process().pid(), SIGCONT), 0);
  EXPECT_EQ(status.code(), StatusCode::kOutcomeUnknown) << status.to_string();
  auto entry = kv->get("hot/t/0");
  for (int i = 0; i < kPatience && (!entry.ok() || entry->value != "two"); ++i) entry = kv->get("hot/t/0");
  EXPECT_EQ(entry->value, "two");  // it was in the socket, and arrived
}

TEST_F(KvBucketIntegration, ALeaseChangesHandsOverTheRealStore) {
  auto kv = bucket();
  const auto lease = [&](const std::string& holder) {
    return KvLease(*kv, system_clock(), real_wait(),
                   {.stream = "S", .shard = 0, .holder = holder, .lease_timeout = milliseconds(300)}, nullptr);
  };
  KvLease a = lease("a");
  KvLease b = lease("b");
  ASSERT_EQ(a.acquire(Epoch{7}, {})->value, 8);
  ASSERT_TRUE(a.renew().ok());
  ASSERT_EQ(b.acquire(Epoch{0}, {})->value, 9);  // a falls silent
  EXPECT_EQ(a.renew().code(), StatusCode::kFenced);
  EXPECT_TRUE(b.renew().ok());
  EXPECT_TRUE(b.release().ok());
  EXPECT_EQ(a.acquire(Epoch{0}, {})->value, 10);
}

}  // namespace
}  // namespace weir::nats
