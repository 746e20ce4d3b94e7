#include "cluster/committable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace weir::cluster {
namespace {

using testing::HasSubstr;

Committable done(const Part& part, int64_t events) {
  Committable made{.part = part, .execution = new_id()};
  made.events = events;
  made.filtered = 1;
  made.staged = {.files = {"rows of " + made.execution}, .reject_files = {}, .rejects = 2};
  made.first_time_us = part.range.first.value * 10;
  made.last_time_us = part.range.last.value * 10;
  made.last_event = part.range.last;
  return made;
}

Committable failed(const Part& part, Status why) {
  return {.part = part, .execution = new_id(), .failure = std::move(why)};
}

std::vector<InputColumn> columns;

TEST(Split, PartsCoverTheRangeInOrder) {
  for (const int64_t length : {1, 2, 9, 10, 11, 99, 100, 101, 12'345}) {
    for (const int32_t most : {1, 2, 3, 7, 100}) {
      const SeqRange range{Seq{1'000}, Seq{1'000 + length - 1}};
      const auto parts = split(range, most, 10);
      ASSERT_FALSE(parts.empty());
      EXPECT_LE(parts.size(), static_cast<size_t>(most));
      Seq next = range.first;
      for (size_t i = 0; i < parts.size(); ++i) {
        EXPECT_EQ(parts[i].number, static_cast<int32_t>(i));
        EXPECT_EQ(parts[i].range.first, next);
        if (parts.size() > 1) EXPECT_GE(parts[i].range.length(), 10);
        next = parts[i].range.last + 1;
      }
      EXPECT_EQ(next, range.last + 1);
    }
  }
}

TEST(Assemble, TakesExactlyOneExecutionOfEachPart) {
  const auto parts = split({Seq{1}, Seq{30}}, 3, 10);
  // The second part was done twice, the third failed first; another job's part of the same number has another range.
  const std::vector<Committable> left{done(parts[0], 10), done(parts[1], 10), done(parts[1], 10),
                                      failed(parts[2], unavailable("gone")), done(parts[2], 10),
                                      done({.number = 0, .range = {Seq{1}, Seq{99}}}, 99)};
  const auto slice = assemble(parts, left, &columns);
  ASSERT_TRUE(slice.ok()) << slice.status().to_string();
  EXPECT_EQ((*slice)->range, (SeqRange{Seq{1}, Seq{30}}));
  EXPECT_EQ((*slice)->events, 30);
  EXPECT_EQ((*slice)->filtered, 3);
  EXPECT_EQ((*slice)->reject_count(), 6);
  EXPECT_EQ((*slice)->row_count(), 21);
  EXPECT_EQ((*slice)->staged->files.size(), 3U);
  EXPECT_EQ(std::set<std::string>((*slice)->staged->files.begin(), (*slice)->staged->files.end()).size(), 3U);
  EXPECT_EQ((*slice)->first_time_us, 10);
  EXPECT_EQ((*slice)->last_time_us, 300);
  EXPECT_EQ((*slice)->last_event, Seq{30});
  EXPECT_GT((*slice)->bytes, 0);
}

TEST(Assemble, AMissingPartIsNoSlice) {
  const auto parts = split({Seq{1}, Seq{30}}, 3, 10);
  const auto slice = assemble(parts, {done(parts[0], 10), done(parts[2], 10)}, &columns);
  EXPECT_EQ(slice.status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(slice.status().message(), HasSubstr("part 1 (11..20)"));
}

TEST(Assemble, AFailureKeepsItsCode) {
  const auto parts = split({Seq{1}, Seq{20}}, 2, 10);
  const auto slice = assemble(parts, {done(parts[0], 10), failed(parts[1], data_loss("events 12..13 are gone"))}, &columns);
  EXPECT_EQ(slice.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(slice.status().message(), HasSubstr("part 1 (11..20): events 12..13 are gone"));
}

TEST(Assemble, APartWithoutEventsLeavesTheTimesOfTheOthers) {
  const auto parts = split({Seq{1}, Seq{30}}, 3, 10);
  Committable silent{.part = parts[2], .execution = new_id()};
  const auto slice = assemble(parts, {done(parts[0], 10), done(parts[1], 10), silent}, &columns);
  ASSERT_TRUE(slice.ok());
  EXPECT_EQ((*slice)->last_event, Seq{20});
  EXPECT_EQ((*slice)->last_time_us, 200);
}

TEST(Assemble, NothingIsTakenBehindWhereThePlanEnds) {
  const auto parts = split({Seq{1}, Seq{30}}, 3, 10);
  Committable ending = done(parts[1], 4);
  ending.ends_plan_after = Seq{14};
  ending.last_event = Seq{14};
  ending.new_columns = {{.name = "b", .type = *parse_column_type("string"), .from = *parse_value_source("/b")}};
  const auto slice = assemble(parts, {done(parts[0], 10), *committable_from_json(to_json(ending)), done(parts[2], 10)}, &columns);
  ASSERT_TRUE(slice.ok()) << slice.status().to_string();
  EXPECT_TRUE((*slice)->ends_plan);
  EXPECT_EQ((*slice)->range, (SeqRange{Seq{1}, Seq{14}}));
  EXPECT_EQ((*slice)->events, 14);
  EXPECT_EQ((*slice)->staged->files.size(), 2U);
  ASSERT_EQ(columns.size(), 1U);
  EXPECT_EQ(columns[0].name, "b");
  // The third part need not be there, and the plan may end with the very first event.
  ending.part = parts[0];
  ending.ends_plan_after = Seq{0};
  const auto none = assemble(parts, {ending}, &columns);
  ASSERT_TRUE(none.ok()) << none.status().to_string();
  EXPECT_TRUE((*none)->ends_plan && (*none)->range.empty());
}

TEST(CommittableText, ComesBackAsItWas) {
  const Committable before = done({.number = 7, .range = {Seq{5}, Seq{9}}}, 5);
  const auto after = committable_from_json(to_json(before));
  ASSERT_TRUE(after.ok()) << after.status().to_string();
  EXPECT_EQ(to_json(*after), to_json(before));
  EXPECT_EQ(after->part, before.part);
  EXPECT_EQ(after->staged.files, before.staged.files);
}

TEST(CommittableText, AFailureComesBackWithItsText) {
  const auto after = committable_from_json(to_json(failed({.number = 1, .range = {Seq{1}, Seq{2}}}, rejected("not \xff UTF-8"))));
  ASSERT_TRUE(after.ok()) << after.status().to_string();
  EXPECT_EQ(after->failure.code(), StatusCode::kRejected);
  EXPECT_THAT(after->failure.message(), HasSubstr("UTF-8"));
}

TEST(CommittableText, WhatIsCutOffOrForeignIsAnError) {
  const std::string whole = to_json(done({.number = 7, .range = {Seq{5}, Seq{9}}}, 5));
  for (size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(committable_from_json(whole.substr(0, length)).status().code(), StatusCode::kDataLoss) << length;
  }
  for (const char* text : {"[]", "{}", "7", R"({"format":2,"part":{"number":0,"first":1,"last":2},"execution":"e"})"}) {
    EXPECT_EQ(committable_from_json(text).status().code(), StatusCode::kDataLoss) << text;
  }
  EXPECT_THAT(committable_from_json(R"({"format":2})").status().message(), HasSubstr("this program reads 1"));
  EXPECT_EQ(part_from_json("{}").status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace weir::cluster
