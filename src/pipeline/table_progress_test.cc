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

}  // namespace
}  // namespace weir::pipeline
