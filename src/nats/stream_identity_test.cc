#include "nats/stream_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::nats {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

StreamInfo holding(int64_t first, int64_t last) {
  StreamInfo info;
  info.name = "FLIGHTS";
  info.created_us = 1'000'000;
  info.first_seq = first;
  info.last_seq = last;
  info.messages = last - first + 1;
  return info;
}

const StreamIdentity kKnown{.created_us = 1'000'000, .last_seq = 50, .last_time_us = 777};
const TimeAtPosition kSame{TimeAtPosition::Kind::kKnown, 777};

TEST(StreamIdentity, TheSameStreamIsReadOn) {
  EXPECT_TRUE(check_identity(holding(1, 100), 51, 0, kKnown, kSame).ok());
  EXPECT_TRUE(check_identity(holding(1, 50), 51, 0, kKnown, kSame).ok());
  EXPECT_TRUE(check_identity(holding(51, 100), 51, 0, kKnown, {TimeAtPosition::Kind::kGone, 0}).ok());
  EXPECT_TRUE(check_identity(holding(51, 50), 51, 0, kKnown, {TimeAtPosition::Kind::kGone, 0}).ok());
  EXPECT_TRUE(check_identity(holding(1, 0), 1, 0, std::nullopt, {}).ok());
}

TEST(StreamIdentity, ReCreatedIsToldFromRolledBack) {
  StreamInfo other = holding(1, 100);
  other.created_us = 2'000'000;
  const Status status = check_identity(other, 51, 0, kKnown, kSame);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("re-created"), HasSubstr("event 50"),
                                      HasSubstr("1970-01-01T00:00:02.000000Z"), HasSubstr("--accept-gap")));
}

TEST(StreamIdentity, AnEndBelowThePositionIsARollback) {
  const Status status = check_identity(holding(1, 40), 51, 1'000, kKnown, {TimeAtPosition::Kind::kGone, 0});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("1041..1050"), HasSubstr("rolled back"), HasSubstr("--accept-gap")));
}

TEST(StreamIdentity, AnEndBelowWhatAnotherStoreHasIsARollback) {
  const Status status = check_identity(holding(1, 40), 31, 0, kKnown, {TimeAtPosition::Kind::kGone, 0});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("41..50"), HasSubstr("rolled back"), HasSubstr("--accept-gap")));
}

TEST(StreamIdentity, AnotherStoredTimeAtThePositionIsARollbackThatWasWrittenOver) {
  const Status status = check_identity(holding(1, 100), 51, 0, kKnown, {TimeAtPosition::Kind::kKnown, 778});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("rolled back and written over"), HasSubstr("event 50")));
}

TEST(StreamIdentity, ABeginningBehindThePositionNamesTheMissingRange) {
  Status status = check_identity(holding(61, 100), 51, 0, kKnown, {TimeAtPosition::Kind::kGone, 0});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("51..60"), HasSubstr("purged"), HasSubstr("--accept-gap")));
  StreamInfo limited = holding(61, 100);
  limited.limited = true;
  status = check_identity(limited, 51, 0, kKnown, {TimeAtPosition::Kind::kGone, 0});
  EXPECT_THAT(status.message(), AllOf(HasSubstr("51..60"), HasSubstr("trimmed")));
}

TEST(Rfc3339, IsReadToTheMicrosecond) {
  EXPECT_EQ(rfc3339_to_us("1970-01-01T00:00:01Z"), 1'000'000);
  EXPECT_EQ(rfc3339_to_us("2026-11-22T17:27:05.919596448Z"), 1795368425919596);
  EXPECT_EQ(rfc3339_to_us("2026-11-22T17:27:05.9Z"), 1795368425900000);
  for (const char* bad : {"", "0001-01-01T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-22T17:27:05", "2026-11-22"}) {
    EXPECT_EQ(rfc3339_to_us(bad), 0) << bad;
  }
}

}  // namespace
}  // namespace weir::nats
