#include "pipeline/table_progress.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace weir::pipeline {
namespace {

TEST(TableProgress, ClickHouseThatAnswersBeforeTheLakeIsCaughtUpAndNotTakenForLive) {
  TableProgress table(0, {.name = "events", .has_hot = true});
  const TimePoint now{};
  std::vector<Action> actions;
  table.advance(now, /*hurry=*/false, /*draining=*/false, &actions);
  table.on_resolved({.table = 0, .sink = SinkKind::kHot, .position = Seq{10}, .counts = std::nullopt}, now);
  EXPECT_EQ(table.hot_mode(), HotMode::kCatchingUp);
  table.on_resolved({.table = 0, .sink = SinkKind::kLake, .position = Seq{60}, .counts = std::nullopt}, now);
  table.on_resolved({.table = 0, .sink = SinkKind::kDeadLetters, .position = Seq{60}, .counts = std::nullopt}, now);

  actions.clear();
  table.advance(now, /*hurry=*/false, /*draining=*/false, &actions);
  const auto catch_up = std::ranges::find_if(actions, [](const Action& a) { return std::holds_alternative<CatchUp>(a); });
  ASSERT_NE(catch_up, actions.end());
  EXPECT_EQ(std::get<CatchUp>(*catch_up).range, (SeqRange{Seq{11}, Seq{60}}));
}

template <class T>
const T* find(const std::vector<Action>& actions) {
  for (const Action& action : actions) {
    if (const T* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

/// A table whose lake is at 60; ClickHouse answered with `hot`.
class RunningTable {
 public:
  explicit RunningTable(int64_t hot) {
    (void)advance();
    table.on_resolved({.table = 0, .sink = SinkKind::kLake, .position = Seq{60}, .counts = std::nullopt}, now);
    table.on_resolved({.table = 0, .sink = SinkKind::kDeadLetters, .position = Seq{60}, .counts = std::nullopt}, now);
    table.start_reading();
    hot_answers(hot);
  }
  std::vector<Action> advance() {
    std::vector<Action> actions;
    table.advance(now, /*hurry=*/false, /*draining=*/false, &actions);
    return actions;
  }
  void hot_answers(int64_t position) {
    table.on_resolved({.table = 0, .sink = SinkKind::kHot, .position = Seq{position}, .counts = std::nullopt}, now);
  }
  void reads(int64_t first, int64_t last) {
    auto slice = std::make_shared<Slice>();
    slice->range = {Seq{first}, Seq{last}};
    slice->events = last - first + 1;
    table.on_slice(slice, now);
  }

  TimePoint now{};
  TableProgress table{0, {.name = "events", .has_hot = true}};
};

TEST(TableProgress, ARecheckResolvesClickHouseAtOnceAndAttachesItAgain) {
  RunningTable running(60);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kLive);
  running.table.recheck(1, running.now);
  const auto actions = running.advance();
  const auto* resolve = find<Resolve>(actions);
  ASSERT_NE(resolve, nullptr);
  EXPECT_EQ(resolve->sink, SinkKind::kHot);
  EXPECT_EQ(resolve->lake_position, Seq{60}) << "where a dropped table begins anew";
  EXPECT_EQ(running.table.hot_mode(), HotMode::kDetached);
  EXPECT_EQ(find<Resolve>(running.advance()), nullptr) << "once";
  EXPECT_EQ(running.table.rechecked(), 0);
  running.hot_answers(60);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kLive);
  EXPECT_EQ(running.table.rechecked(), 1);
}

TEST(TableProgress, ARecheckWaitsForWhatRunsInClickHouse) {
  RunningTable running(20);
  ASSERT_NE(find<CatchUp>(running.advance()), nullptr);
  running.table.recheck(1, running.now);
  EXPECT_EQ(find<Resolve>(running.advance()), nullptr);
  running.table.on_caught_up({.table = 0, .status = ok_status(), .position = Seq{40}}, running.now);
  EXPECT_NE(find<Resolve>(running.advance()), nullptr);
}

TEST(TableProgress, SkippingAheadEndsCatchingUpAtTheLakesPosition) {
  RunningTable running(20);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kCatchingUp);
  running.table.skip_ahead();
  const auto actions = running.advance();
  EXPECT_EQ(find<CatchUp>(actions), nullptr);
  const auto* skip = find<SkipTo>(actions);
  ASSERT_NE(skip, nullptr);
  EXPECT_EQ(skip->position, Seq{60});
  running.table.on_skipped({.table = 0, .status = ok_status(), .position = Seq{60}}, running.now);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kLive);
}

TEST(TableProgress, ASkipThatFailedIsTriedAgainAfterTheNextResolve) {
  RunningTable running(20);
  running.table.skip_ahead();
  ASSERT_NE(find<SkipTo>(running.advance()), nullptr);
  running.table.on_skipped({.table = 0, .status = outcome_unknown("kv"), .position = {}}, running.now);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kDetached);
  running.now += std::chrono::minutes(1);
  running.hot_answers(20);
  EXPECT_NE(find<SkipTo>(running.advance()), nullptr);
}

TEST(TableProgress, NothingIsSkippedWhereNothingIsCaughtUp) {
  RunningTable running(60);
  running.table.skip_ahead();
  EXPECT_EQ(find<SkipTo>(running.advance()), nullptr);
}

TEST(TableProgress, ALiveClickHouseIsLookedAtNowAndThenAlsoWhenNothingIsWritten) {
  RunningTable running(60);
  const auto interval = running.table.options().hot_look_interval;
  EXPECT_EQ(find<Look>(running.advance()), nullptr) << "it has just answered";
  running.now += interval;
  ASSERT_NE(find<Look>(running.advance()), nullptr);
  EXPECT_EQ(find<Look>(running.advance()), nullptr) << "once";
  running.table.on_looked({.table = 0, .status = ok_status()}, running.now);
  EXPECT_EQ(find<Look>(running.advance()), nullptr);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kLive);
  running.now += interval;
  ASSERT_NE(find<Look>(running.advance()), nullptr);
  running.table.on_looked({.table = 0, .status = unavailable("it is gone")}, running.now);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kLive) << "it may only be busy";
  running.now += std::chrono::seconds(2);
  ASSERT_NE(find<Look>(running.advance()), nullptr) << "soon again";
  running.table.on_looked({.table = 0, .status = unavailable("it is gone")}, running.now);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kDetached);
  EXPECT_EQ(running.table.hot().last_error.message(), "it is gone");
  running.now += std::chrono::minutes(1);
  EXPECT_NE(find<Resolve>(running.advance()), nullptr);
}

TEST(TableProgress, ATableThatSomebodyMadeAnewIsResolvedAtTheFirstLook) {
  RunningTable running(60);
  running.now += running.table.options().hot_look_interval;
  ASSERT_NE(find<Look>(running.advance()), nullptr);
  running.table.on_looked({.table = 0, .status = outcome_unknown("another id")}, running.now);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kDetached);
}

TEST(TableProgress, ASliceCutBeforeClickHouseToldAPositionInsideItIsCaughtUpAndNotWritten) {
  RunningTable running(70);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kLive) << "its position is still to be read";
  running.reads(61, 80);
  EXPECT_EQ(running.table.hot_mode(), HotMode::kCatchingUp);
  EXPECT_EQ(find<CatchUp>(running.advance()), nullptr) << "the lake does not have it yet";
}

/// A table whose slices are staged, lake and ClickHouse at 60, after one slice of rows.
class StagedTable {
 public:
  StagedTable() {
    (void)advance();
    for (const SinkKind sink : {SinkKind::kLake, SinkKind::kDeadLetters, SinkKind::kHot}) {
      table.on_resolved({.table = 0, .sink = sink, .position = Seq{60}, .counts = std::nullopt}, now);
    }
    table.start_reading();
    auto slice = std::make_shared<Slice>();
    slice->range = {Seq{61}, Seq{90}};
    slice->events = 30;
    slice->staged = std::make_shared<StagedSlice>(StagedSlice{.files = {"f"}, .reject_files = {"r"}, .rejects = 2});
    table.on_slice(slice, now);
  }
  std::vector<Action> advance() {
    std::vector<Action> actions;
    table.advance(now, /*hurry=*/false, /*draining=*/false, &actions);
    return actions;
  }
  void written(SinkKind sink, const Status& status, int64_t position) {
    table.on_written({.table = 0, .sink = sink, .status = status, .position = Seq{position}, .counts = std::nullopt}, now);
  }

  TimePoint now{};
  TableProgress table{0, {.name = "events", .has_hot = true, .staged = true, .commit_interval = std::chrono::milliseconds(0)}};
};

TEST(TableProgress, StagedSlicesReachALiveClickHouseThroughTheLake) {
  StagedTable staged;
  EXPECT_EQ(staged.table.hot_mode(), HotMode::kLive);
  const auto first = staged.advance();
  const auto* rejects = find<Write>(first);
  ASSERT_NE(rejects, nullptr);
  EXPECT_EQ(rejects->sink, SinkKind::kDeadLetters) << "also those that others wrote come first";
  EXPECT_EQ(find<CatchUp>(first), nullptr) << "the lake has nothing that ClickHouse lacks";
  staged.written(SinkKind::kDeadLetters, ok_status(), 90);
  const auto second = staged.advance();
  const auto* rows = find<Write>(second);
  ASSERT_NE(rows, nullptr);
  EXPECT_EQ(rows->sink, SinkKind::kLake);
  staged.written(SinkKind::kLake, ok_status(), 90);
  const auto third = staged.advance();
  const auto* catch_up = find<CatchUp>(third);
  ASSERT_NE(catch_up, nullptr);
  EXPECT_EQ(catch_up->range, (SeqRange{Seq{61}, Seq{90}}));
  EXPECT_EQ(staged.table.hot_mode(), HotMode::kLive);
}

TEST(TableProgress, StagedSlicesThatAreGoneAreDueAgain) {
  StagedTable staged;
  ASSERT_NE(find<Write>(staged.advance()), nullptr);
  EXPECT_EQ(staged.table.next(), Seq{91});
  staged.written(SinkKind::kDeadLetters, not_found("r"), 60);  // Cleaned up by maintenance.
  EXPECT_FALSE(staged.table.stopped());
  EXPECT_TRUE(staged.table.take_loss());
  EXPECT_FALSE(staged.table.take_loss()) << "once";
  EXPECT_EQ(staged.table.next(), Seq{61});
  EXPECT_EQ(staged.table.held_bytes(), 0);
}

TEST(TableProgress, StagedSlicesThatMaintenanceMayTakeAnyMomentAreNotCommitted) {
  StagedTable staged;
  ASSERT_NE(find<Write>(staged.advance()), nullptr);
  staged.written(SinkKind::kDeadLetters, unavailable("the lake is away"), 60);
  staged.now += std::chrono::minutes(31);
  ASSERT_NE(find<Resolve>(staged.advance()), nullptr);
  staged.table.on_resolved({.table = 0, .sink = SinkKind::kDeadLetters, .position = Seq{60}, .counts = std::nullopt}, staged.now);
  EXPECT_EQ(find<Write>(staged.advance()), nullptr);
  EXPECT_TRUE(staged.table.take_loss());
  EXPECT_EQ(staged.table.next(), Seq{61});
}

}  // namespace
}  // namespace weir::pipeline
