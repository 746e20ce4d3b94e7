#include <gtest/gtest.h>

#include <thread>

#include "base/bounded_queue.h"
#include "base/digest.h"
#include "base/ids.h"
#include "base/retry.h"
#include "base/status.h"

namespace weir {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return invalid_argument("odd: " + std::to_string(n));
  return n / 2;
}

Result<int> quarter(int n) {
  WEIR_ASSIGN_OR_RETURN(const int h, half(n));
  return half(h);
}

TEST(Status, AnErrorTravelsThroughAssignOrReturnWithItsMessage) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).status().to_string(), "invalid argument: odd: 3");
  EXPECT_EQ(quarter(6).status().with_context("table t").message(), "table t: odd: 3");
}

TEST(Status, OnlyAmbiguousOutcomesAreReconciled) {
  EXPECT_EQ(disposition(StatusCode::kOutcomeUnknown), Disposition::kReconcile);
  EXPECT_EQ(disposition(StatusCode::kConflict), Disposition::kReconcile);
  EXPECT_EQ(disposition(StatusCode::kUnavailable), Disposition::kRetry);
  EXPECT_EQ(disposition(StatusCode::kFenced), Disposition::kStop);
  EXPECT_EQ(disposition(StatusCode::kRejected), Disposition::kRejectRecord);
}

TEST(SeqRange, IsClosedAndEmptyWhenLastIsBeforeFirst) {
  const SeqRange range{Seq{3}, Seq{5}};
  EXPECT_EQ(range.length(), 3);
  EXPECT_TRUE(range.contains(Seq{5}));
  EXPECT_FALSE(range.contains(Seq{6}));
  EXPECT_TRUE((SeqRange{Seq{4}, Seq{3}}).empty());
}

TEST(RetryPolicy, DoublesUpToItsLimit) {
  const RetryPolicy policy{.first = std::chrono::milliseconds(100), .max = std::chrono::milliseconds(1000)};
  EXPECT_EQ(policy.delay(0, 0).count(), 100);
  EXPECT_EQ(policy.delay(2, 0).count(), 400);
  EXPECT_EQ(policy.delay(60, 0).count(), 1000);
  EXPECT_EQ(policy.delay(2, 0.5).count(), 300);
}

TEST(BoundedQueue, APushWaitsUntilThereIsRoom) {
  BoundedQueue<int> queue(10);
  std::stop_source stop;
  ASSERT_TRUE(queue.push(1, 8, stop.get_token()));
  std::jthread pusher([&] { EXPECT_TRUE(queue.push(2, 8, stop.get_token())); });
  EXPECT_EQ(queue.pop(std::chrono::seconds(5), stop.get_token()), 1);
  EXPECT_EQ(queue.pop(std::chrono::seconds(5), stop.get_token()), 2);
}

TEST(BoundedQueue, AnOversizedElementPassesAlone) {
  BoundedQueue<int> queue(10);
  const std::stop_source stop;
  EXPECT_TRUE(queue.push(1, 1000, stop.get_token()));
  EXPECT_EQ(queue.bytes(), 1000U);
}

TEST(BoundedQueue, StopEndsAWaitingPush) {
  BoundedQueue<int> queue(1);
  std::stop_source stop;
  ASSERT_TRUE(queue.push(1, 1, stop.get_token()));
  std::jthread pusher([&] { EXPECT_FALSE(queue.push(2, 1, stop.get_token())); });
  stop.request_stop();
}

TEST(Digest, IsTheSameForContentInPieces) {
  DigestStream stream;
  EXPECT_EQ(stream.hex(), digest_hex(""));
  stream.update("we");
  stream.update("");
  stream.update("ir");
  EXPECT_EQ(stream.hex(), digest_hex("weir"));
}

TEST(Digest, NamesContent) {
  EXPECT_EQ(digest_hex("weir").size(), 32U);
  EXPECT_EQ(digest_hex("weir"), digest_hex("weir"));
  EXPECT_NE(digest_hex("weir"), digest_hex("weis"));
}

}  // namespace
}  // namespace weir
