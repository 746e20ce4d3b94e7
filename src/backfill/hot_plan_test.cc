#include "backfill/hot_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::backfill {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

struct FileOf {
  std::string path;
  std::string day;
  int64_t first = 0;
  int64_t last = 0;
  int32_t shard = 0;
  std::string newest = "2026-03-05T10:00:00.123Z";
  int64_t bytes = 1'000;
};

engine::DataFile data_file(const FileOf& file) {
  const std::string shard = std::to_string(file.shard);
  return {.path = file.path,
          .size_bytes = file.bytes,
          .rows = file.last - file.first + 1,
          .partition_values_json = R"({"day":")" + file.day + R"("})",
          .stats_json = R"({"numRecords":1,"minValues":{"_shard":)" + shard + R"(,"_seq":)" +
                        std::to_string(file.first) + R"(},"maxValues":{"_shard":)" + shard + R"(,"_seq":)" +
                        std::to_string(file.last) + R"(,"_time":")" + file.newest + R"("}})"};
}

engine::TableDescription table_of(const std::vector<FileOf>& files) {
  engine::TableDescription table;
  table.partition_columns = {"day"};
  for (const FileOf& file : files) table.data_files.push_back(data_file(file));
  return table;
}

std::vector<std::vector<std::string>> files_of(const HotPlan& plan) {
  std::vector<std::vector<std::string>> files;
  for (const HotUnit& unit : plan.units) files.push_back(unit.files);
  return files;
}

const std::vector<std::string> kNone;

TEST(PlanUnits, JoinsSmallFilesOfAPartitionNewestFirst) {
  const auto table = table_of({{"a", "1", 1, 10}, {"b", "2", 11, 20}, {"c", "1", 21, 30}, {"d", "2", 31, 40}});
  const auto plan = plan_units(table, {.table = "t"}, Seq{100});
  ASSERT_TRUE(plan.ok());
  EXPECT_THAT(files_of(*plan), ElementsAre(ElementsAre("d", "b"), ElementsAre("c", "a")));
  EXPECT_EQ(plan->files, 4);
  EXPECT_EQ(plan->rows, 40);
  EXPECT_EQ(plan->bytes, 4'000);
  const auto oldest = plan_units(table, {.table = "t", .order = UnitOrder::kOldestFirst}, Seq{100});
  EXPECT_THAT(files_of(*oldest), ElementsAre(ElementsAre("a", "c"), ElementsAre("b", "d")));
}

TEST(PlanUnits, MakesNoUnitLargerThanItsLimitsUnlessOneFileIs) {
  const auto table = table_of({{"a", "1", 1, 10}, {"b", "1", 11, 20}, {"c", "1", 21, 120}, {"d", "1", 121, 125}});
  const auto plan = plan_units(table, {.table = "t"}, Seq{1'000}, {.rows_max = 20});
  EXPECT_THAT(files_of(*plan), ElementsAre(ElementsAre("d"), ElementsAre("c"), ElementsAre("b", "a")));
  const auto by_files = plan_units(table, {.table = "t"}, Seq{1'000}, {.files_max = 3});
  EXPECT_THAT(files_of(*by_files), ElementsAre(ElementsAre("d", "c", "b"), ElementsAre("a")));
  const auto by_bytes = plan_units(table, {.table = "t"}, Seq{1'000}, {.bytes_max = 2'500});
  EXPECT_THAT(files_of(*by_bytes), ElementsAre(ElementsAre("d", "c"), ElementsAre("b", "a")));
}

TEST(PlanUnits, IsTheSamePlanForTheSameVersionWhateverTheOrderOfTheLog) {
  std::vector<FileOf> files = {{"a", "1", 1, 10}, {"b", "2", 11, 20}, {"c", "1", 1, 10}, {"d", "2", 31, 40}};
  const auto first = plan_units(table_of(files), {.table = "t"}, Seq{100});
  std::reverse(files.begin(), files.end());
  const auto second = plan_units(table_of(files), {.table = "t"}, Seq{100});
  EXPECT_EQ(first->digest(), second->digest());
  files.pop_back();
  EXPECT_NE(first->digest(), plan_units(table_of(files), {.table = "t"}, Seq{100})->digest());
}

TEST(PlanUnits, LeavesOutWhatLiesAboveTheHandOverButNoRowsOfFiles) {
  const auto table =
      table_of({{"a", "1", 1, 10}, {"b", "1", 11, 20}, {"loaded", "1", 500, 600, -1}, {"c", "1", 21, 30}});
  const auto plan = plan_units(table, {.table = "t"}, Seq{15});
  EXPECT_THAT(files_of(*plan), ElementsAre(ElementsAre("b", "a", "loaded")));
  EXPECT_EQ(plan->files_left_out, 1);
}

TEST(PlanUnits, TakesAFileWithoutStatisticsAndTakesItLast) {
  auto table = table_of({{"a", "1", 1, 10}, {"b", "1", 11, 20}});
  table.data_files.push_back({.path = "foreign", .size_bytes = 5, .partition_values_json = R"({"day":"1"})"});
  const auto plan = plan_units(table, {.table = "t"}, Seq{15}, {.files_max = 1});
  EXPECT_THAT(files_of(*plan), ElementsAre(ElementsAre("b"), ElementsAre("a"), ElementsAre("foreign")));
}

TEST(PlanUnits, LeavesOutFilesThatAreAltogetherOlderThanTheRetention) {
  const auto table = table_of({{"old", "1", 1, 10, 0, "2026-03-01T11:59:58.999Z"},
                               {"edge", "1", 11, 20, 0, "2026-03-01T12:00:00.000Z"},
                               {"new", "1", 21, 30, 0, "2026-03-02T00:00:00Z"}});
  const int64_t noon_us = 1'772'366'400'000'000;  // 2026-03-01T12:00:00Z
  const auto plan = plan_units(table, {.table = "t", .keep_from_us = noon_us + 1}, Seq{100});
  EXPECT_THAT(files_of(*plan), ElementsAre(ElementsAre("new", "edge")));
}

TEST(PlanUnits, TakesThePartitionsAskedForWhereValuesOfOneColumnAreAlternatives) {
  auto table = table_of({{"a", "1", 1, 10}, {"b", "2", 11, 20}, {"c", "3", 21, 30}});
  const auto one = plan_units(table, {.table = "t", .partitions = {{"day", "2"}}}, Seq{100});
  EXPECT_THAT(files_of(*one), ElementsAre(ElementsAre("b")));
  const auto two = plan_units(table, {.table = "t", .partitions = {{"day", "1"}, {"day", "3"}}}, Seq{100});
  EXPECT_THAT(files_of(*two), ElementsAre(ElementsAre("c"), ElementsAre("a")));
}

TEST(PlanUnits, RefusesAPartitionThatIsNotThereAndListsThoseThatAre) {
  auto table = table_of({{"a", "2026-03-01", 1, 10}, {"b", "2026-03-02", 11, 20}});
  const auto value = plan_units(table, {.table = "t", .partitions = {{"day", "2026-04-01"}}}, Seq{100});
  EXPECT_EQ(value.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(value.status().message(), AllOf(HasSubstr("day=2026-04-01"), HasSubstr("2026-03-02, 2026-03-01")));
  const auto column = plan_units(table, {.table = "t", .partitions = {{"hour", "1"}}}, Seq{100});
  EXPECT_THAT(column.status().message(), AllOf(HasSubstr("hour=1"), HasSubstr("partitioned by day")));
  table.partition_columns.clear();
  const auto none = plan_units(table, {.table = "t", .partitions = {{"day", "1"}}}, Seq{100});
  EXPECT_THAT(none.status().message(), HasSubstr("not partitioned; use --where"));
}

}  // namespace
}  // namespace weir::backfill
