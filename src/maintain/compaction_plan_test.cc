#include "maintain/compaction_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::maintain {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr int64_t kNow = 1'700'000'000'000;
constexpr int64_t kMinute = 60'000;
constexpr int64_t kMiB = 1 << 20;

engine::DataFile file(const std::string& partition_values, int64_t size_bytes, int64_t age_ms) {
  return {.path = "f",
          .size_bytes = size_bytes,
          .rows = 1,
          .modified_ms = kNow - age_ms,
          .partition_values_json = partition_values,
          .stats_json = {}};
}

std::string day(int number) { return R"({"day":"2013-01-)" + std::to_string(number) + R"("})"; }

class CompactionPlanTest : public testing::Test {
 protected:
  void add(int count, const std::string& partition_values, int64_t size_bytes, int64_t age_ms) {
    for (int i = 0; i < count; ++i) table_.data_files.push_back(file(partition_values, size_bytes, age_ms));
  }

  CompactionPlan plan() {
    auto plan = plan_compaction(table_, rules_, kNow);
    EXPECT_TRUE(plan.ok()) << plan.status().to_string();
    return plan.ok() ? std::move(plan).value() : CompactionPlan{};
  }

  engine::TableDescription table_{.schema_json = {}, .partition_columns = {"day"}, .properties = {}, .txns = {}, .data_files = {}};
  CompactionRules rules_{.target_file_bytes = 128 * kMiB, .small_files_min = 8, .open_small_files_min = 64};
};

TEST_F(CompactionPlanTest, AClosedPartitionWithManySmallFilesIsRewritten) {
  add(8, day(10), kMiB, 11 * kMinute);
  const auto pieces = plan().pieces;
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].partition_filters_json, R"([["day","in",["2013-01-10"]]])");
  EXPECT_THAT(pieces[0].partitions, ElementsAre("day=2013-01-10"));
  EXPECT_EQ(pieces[0].files, 8);
  EXPECT_EQ(pieces[0].bytes, 8 * kMiB);
}

TEST_F(CompactionPlanTest, AFewSmallFilesAreLeftAlone) {
  add(7, day(10), kMiB, 11 * kMinute);
  EXPECT_THAT(plan().pieces, IsEmpty());
}

TEST_F(CompactionPlanTest, LargeFilesDoNotCount) {
  add(100, day(10), 64 * kMiB, 11 * kMinute);
  EXPECT_THAT(plan().pieces, IsEmpty());
}

TEST_F(CompactionPlanTest, APartitionThatIsStillWrittenToWaitsUntilARewriteHelpsMuch) {
  add(63, day(10), kMiB, 11 * kMinute);
  add(100, day(10), kMiB, kMinute);
  EXPECT_THAT(plan().pieces, IsEmpty());
  add(1, day(10), kMiB, 11 * kMinute);
  EXPECT_EQ(plan().pieces.size(), 1U);
}

TEST_F(CompactionPlanTest, ALateEventOpensAPartitionOnlyForAWhile) {
  add(8, day(10), kMiB, 24 * 60 * kMinute);
  add(1, day(10), kMiB, 9 * kMinute);
  EXPECT_THAT(plan().pieces, IsEmpty());
  rules_.closed_after = std::chrono::minutes(9);
  EXPECT_EQ(plan().pieces.size(), 1U);
}

TEST_F(CompactionPlanTest, AnUnpartitionedTableIsOnePartition) {
  table_.partition_columns = {};
  add(64, "{}", kMiB, 11 * kMinute);
  add(1, "{}", kMiB, 0);
  const auto pieces = plan().pieces;
  ASSERT_EQ(pieces.size(), 1U);
  EXPECT_EQ(pieces[0].partition_filters_json, "");
  EXPECT_EQ(pieces[0].files, 65);
}

TEST_F(CompactionPlanTest, PartitionsShareACommitUntilItIsFull) {
  rules_.partitions_per_piece = 2;
  for (int number = 10; number < 15; ++number) add(8, day(number), kMiB, 11 * kMinute);
  const auto pieces = plan().pieces;
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_THAT(pieces[0].partitions, ElementsAre("day=2013-01-10", "day=2013-01-11"));
  EXPECT_THAT(pieces[2].partitions, ElementsAre("day=2013-01-14"));
}

TEST_F(CompactionPlanTest, ACommitIsBoundedByBytesButNeverBelowOnePartition) {
  rules_.bytes_per_piece = 10 * kMiB;
  add(8, day(10), 2 * kMiB, 11 * kMinute);
  add(8, day(11), kMiB, 11 * kMinute);
  add(2, day(12), kMiB, 11 * kMinute);
  add(8, day(12), kMiB / 16, 11 * kMinute);
  const auto pieces = plan().pieces;
  ASSERT_EQ(pieces.size(), 3U);
  EXPECT_EQ(pieces[0].bytes, 16 * kMiB);
}

TEST_F(CompactionPlanTest, PartitionsOfSeveralColumnsAndOfNullHaveACommitEach) {
  table_.partition_columns = {"day", "carrier"};
  add(8, R"({"day":"2013-01-10","carrier":"UA"})", kMiB, 11 * kMinute);
  add(8, R"({"day":"2013-01-10","carrier":null})", kMiB, 11 * kMinute);
  const auto pieces = plan().pieces;
  ASSERT_EQ(pieces.size(), 2U);
  EXPECT_EQ(pieces[0].partition_filters_json, R"([["day","=","2013-01-10"],["carrier","=",""]])");
  EXPECT_EQ(pieces[1].partition_filters_json, R"([["day","=","2013-01-10"],["carrier","=","UA"]])");
  EXPECT_THAT(pieces[1].partitions, ElementsAre("day=2013-01-10/carrier=UA"));
}

TEST_F(CompactionPlanTest, APartitionAboveTheLimitIsNamedInsteadOfRewritten) {
  rules_.partition_bytes_max = 10 * kMiB;
  add(11, day(10), kMiB, 11 * kMinute);
  add(8, day(11), kMiB, 11 * kMinute);
  const CompactionPlan planned = plan();
  EXPECT_THAT(planned.too_large, ElementsAre("day=2013-01-10"));
  ASSERT_EQ(planned.pieces.size(), 1U);
  EXPECT_THAT(planned.pieces[0].partitions, ElementsAre("day=2013-01-11"));
}

TEST_F(CompactionPlanTest, WhatIsCompactedAlreadyStaysAsItIs) {
  add(1, day(10), 3 * kMiB, 11 * kMinute);
  add(4, day(10), 127 * kMiB, 11 * kMinute);
  EXPECT_THAT(plan().pieces, IsEmpty());
}

TEST_F(CompactionPlanTest, AFileWithoutItsPartitionValueIsAnError) {
  add(1, R"({"month":"1"})", kMiB, kMinute);
  EXPECT_EQ(plan_compaction(table_, rules_, kNow).status().code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace weir::maintain
