#include "maintain/retention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::maintain {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000;

PinnedVersion pin(milliseconds age) {
  return {.by = "backfill job 3", .version = 17, .committed_ms = kNow - age.count()};
}

VacuumRequest request(milliseconds retention) {
  return {.retention = retention, .tombstones_kept = hours(168), .force = false, .pins = {}, .now_ms = kNow};
}

TEST(VacuumHoursTest, AreTheRetentionInWholeHoursRoundedUp) {
  EXPECT_EQ(*vacuum_hours(request(hours(168))), 168);
  EXPECT_EQ(*vacuum_hours(request(minutes(61))), 2);
  EXPECT_EQ(*vacuum_hours(request(hours(1))), 1);
}

TEST(VacuumHoursTest, BelowAnHourNeedForce) {
  auto asked = request(minutes(59));
  const auto refused = vacuum_hours(asked);
  EXPECT_EQ(refused.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.status().message(), HasSubstr("--force"));
  asked.force = true;
  EXPECT_EQ(*vacuum_hours(asked), 1);
  asked.retention = milliseconds(0);
  EXPECT_EQ(*vacuum_hours(asked), 0);
}

TEST(VacuumHoursTest, ReachBackToWhatAJobStillReads) {
  auto asked = request(hours(2));
  asked.pins = {pin(hours(5)), pin(minutes(1))};
  EXPECT_EQ(*vacuum_hours(asked), 6) << "the age of version 17, and an hour for a rewrite that began before it";
}

TEST(VacuumHoursTest, ForceDoesNotOverrideAJob) {
  auto asked = request(milliseconds(0));
  asked.force = true;
  asked.pins = {pin(minutes(30))};
  EXPECT_EQ(*vacuum_hours(asked), 2);
}

TEST(VacuumHoursTest, AreRefusedWhereTheTableForgetsWhatWasRemoved) {
  auto asked = request(hours(169));
  EXPECT_EQ(vacuum_hours(asked).status().code(), StatusCode::kInvalidArgument);
  asked.retention = hours(24);
  asked.pins = {pin(hours(168))};
  const auto refused = vacuum_hours(asked);
  EXPECT_EQ(refused.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(refused.status().message(), HasSubstr("backfill job 3 still reads version 17"));
}

TEST(VacuumHoursTest, AreRefusedForAVersionOfUnknownAge) {
  auto asked = request(hours(24));
  asked.pins = {{.by = "backfill job 3", .version = 17, .committed_ms = {}}};
  EXPECT_EQ(vacuum_hours(asked).status().code(), StatusCode::kUnavailable);
}

TEST(LogHoursTest, KeepBothTheAgeAndTheNumberOfVersions) {
  LogRequest asked{.retention = hours(168), .kept_version_committed_ms = kNow - milliseconds(minutes(17)).count(), .pins = {}, .now_ms = kNow};
  EXPECT_EQ(*log_hours(asked), 168);
  asked.kept_version_committed_ms = kNow - milliseconds(hours(1000)).count();
  EXPECT_EQ(*log_hours(asked), 1001);
}

TEST(LogHoursTest, KeepWhatAJobStillReads) {
  const LogRequest asked{.retention = hours(1), .kept_version_committed_ms = {}, .pins = {pin(hours(400))}, .now_ms = kNow};
  EXPECT_EQ(*log_hours(asked), 401);
}

TEST(DeltaIntervalTest, ReadsWhatDeltaWrites) {
  EXPECT_EQ(parse_delta_interval("interval 1 week", milliseconds(0)), hours(168));
  EXPECT_EQ(parse_delta_interval("interval 36 hours", milliseconds(0)), hours(36));
  EXPECT_EQ(parse_delta_interval("interval 30 days", milliseconds(0)), hours(720));
  EXPECT_EQ(parse_delta_interval("", hours(1)), hours(1));
  EXPECT_EQ(parse_delta_interval("a fortnight", hours(1)), hours(1));
  EXPECT_EQ(parse_delta_interval("interval 1 fortnight", hours(1)), hours(1));
}

}  // namespace
}  // namespace weir::maintain
