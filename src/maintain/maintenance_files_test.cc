#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "maintain/delta_log.h"
#include "maintain/job_pins.h"
#include "maintain/options.h"

namespace weir::maintain {
namespace {

using testing::HasSubstr;

std::string entry(int version) { return "t/_delta_log/" + std::string(17, '0') + std::to_string(100 + version) + ".json"; }

TEST(DeltaLogTest, IsSummarizedByItsNames) {
  const std::string seventeen(17, '0');
  const DeltaLog log = summarize_log({{entry(1), 10},
                                      {entry(2), 10},
                                      {entry(3), 10},
                                      {"t/_delta_log/" + seventeen + "102.checkpoint.parquet", 100},
                                      {"t/_delta_log/_last_checkpoint", 5},
                                      {"t/_delta_log/_commits/x.json", 1}});
  EXPECT_EQ(log.entries, 3);
  EXPECT_EQ(log.bytes, 136);
  EXPECT_EQ(log.oldest_entry, 101);
  EXPECT_EQ(log.newest_entry, 103);
  EXPECT_EQ(log.newest_checkpoint, 102);
  EXPECT_EQ(log.commits_since_checkpoint(), 1);
}

TEST(DeltaLogTest, ItsOldestVersionIsTheFirstOrACheckpoint) {
  DeltaLog log{.oldest_entry = 0, .newest_entry = 9, .newest_checkpoint = {}, .oldest_checkpoint = {}};
  EXPECT_EQ(log.oldest_version(), 0);
  log.oldest_entry = 3;
  EXPECT_EQ(log.oldest_version(), std::nullopt) << "entries 0 to 2 are gone and nothing replaces them";
  log.oldest_checkpoint = 5;
  EXPECT_EQ(log.oldest_version(), 5);
}

TEST(DeltaLogTest, WithoutACheckpointEveryCommitCounts) {
  EXPECT_EQ(DeltaLog{}.commits_since_checkpoint(), 0);
  const DeltaLog log{.oldest_entry = 0, .newest_entry = 9, .newest_checkpoint = {}, .oldest_checkpoint = {}};
  EXPECT_EQ(log.commits_since_checkpoint(), 10);
}

TEST(JobPinsTest, AJobPinsItsVersionUntilItHasEnded) {
  for (const char* state : {"pending", "running", "paused", "a state of a later Weir"}) {
    const std::string progress = std::string(R"({"state":")") + state + R"(","pinned_version":7})";
    EXPECT_EQ(*pinned_by("job", {.spec = "{}", .progress = progress, .control = {}}), 7) << state;
  }
  for (const char* state : {"done", "cancelled", "failed"}) {
    const std::string progress = std::string(R"({"state":")") + state + R"(","pinned_version":7})";
    EXPECT_EQ(*pinned_by("job", {.spec = "{}", .progress = progress, .control = {}}), std::nullopt) << state;
  }
}

TEST(JobPinsTest, ACancelledJobPinsNothingEvenWhenNobodyNoticed) {
  const std::string progress = R"({"state":"running","pinned_version":7})";
  EXPECT_EQ(*pinned_by("job", {.spec = "{}", .progress = progress, .control = R"({"wish":"cancel"})"}), std::nullopt);
  EXPECT_EQ(*pinned_by("job", {.spec = "{}", .progress = progress, .control = R"({"wish":"pause"})"}), 7);
}

TEST(JobPinsTest, TheVersionMayStandInTheSpec) {
  EXPECT_EQ(*pinned_by("job", {.spec = R"({"pinned_version":3})", .progress = {}, .control = {}}), 3);
  const std::string progress = R"({"state":"running","pinned_version":null})";
  EXPECT_EQ(*pinned_by("job", {.spec = R"({"pinned_version":3})", .progress = progress, .control = {}}), 3);
}

TEST(JobPinsTest, AJobThatHasNotBegunPinsNothing) {
  EXPECT_EQ(*pinned_by("job", {.spec = R"({"table":"t"})", .progress = {}, .control = {}}), std::nullopt);
}

TEST(JobPinsTest, AnUnreadableJobStopsDeletion) {
  const auto pin = pinned_by("backfill job 3", {.spec = "{", .progress = {}, .control = {}});
  EXPECT_EQ(pin.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(pin.status().message(), HasSubstr("backfill job 3"));
}

TEST(StepTest, NamesAreReadAsTheyAreWritten) {
  for (const Step step : all_steps()) EXPECT_EQ(parse_step(to_string(step)), step);
  EXPECT_EQ(parse_step("defragment"), std::nullopt);
}

}  // namespace
}  // namespace weir::maintain
