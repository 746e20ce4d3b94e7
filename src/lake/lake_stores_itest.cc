#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "engine/engine.h"
#include "engine/object_store.h"
#include "lake/gap_store.h"
#include "lake/incarnation_store.h"
#include "lake/lake_layout.h"
#include "lake/plan_store.h"
#include "tests/support/lake_folder.h"

namespace weir::lake {
namespace {

using testing::HasSubstr;

class LakeStoresTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::open({.worker_threads = 2});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = std::move(engine).value();
  }

  engine::ObjectStore objects() const { return {*engine_, lake_.url(), /*sync=*/false}; }

  test::LakeFolder lake_;
  std::unique_ptr<engine::Engine> engine_;
};

// Plans that differ, named by their SQL.
Plan plan_named(const std::string& sql) {
  Plan plan;
  plan.table = "flights";
  plan.input = {
      {.name = "n", .type = *parse_column_type("int64"), .from = *parse_value_source("/n"), .required = true}};
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  plan.sql = sql;
  return plan;
}

TEST_F(LakeStoresTest, EverySequenceHasThePlanThatWasInForceThere) {
  const PlanStore plans(objects());
  EXPECT_EQ(plans.current("flights", 0).status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{1}).ok());
  ASSERT_TRUE(plans.record(plan_named("two"), 0, Seq{101}).ok());
  ASSERT_TRUE(plans.record(plan_named("two"), 1, Seq{1}).ok());
  EXPECT_EQ((*plans.plan_at("flights", 0, Seq{100}))->sql, "one");
  EXPECT_EQ((*plans.plan_at("flights", 0, Seq{101}))->sql, "two");
  EXPECT_EQ((*plans.plan_at("flights", 1, Seq{100}))->sql, "two");
  EXPECT_EQ((*plans.current("flights", 0))->id(), plan_named("two").id());
  EXPECT_EQ(plans.plan_at("flights", 0, Seq{0}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(plans.current("flights", 2).status().code(), StatusCode::kNotFound);
}

TEST_F(LakeStoresTest, APlanThatIsInForceAlreadyIsNotAChange) {
  const PlanStore plans(objects());
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{1}).ok());
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{500}).ok());
  EXPECT_EQ(plans.history("flights", 0)->size(), 1U);
}

TEST_F(LakeStoresTest, APlanCanComeBackAfterAnother) {
  const PlanStore plans(objects());
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{1}).ok());
  ASSERT_TRUE(plans.record(plan_named("two"), 0, Seq{10}).ok());
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{20}).ok());
  EXPECT_EQ((*plans.plan_at("flights", 0, Seq{15}))->sql, "two");
  EXPECT_EQ((*plans.plan_at("flights", 0, Seq{25}))->sql, "one");
}

TEST_F(LakeStoresTest, APlanThatNeverSawARowIsReplacedAtItsSequence) {
  const PlanStore plans(objects());
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{1}).ok());
  for (int i = 0; i < 12; ++i) ASSERT_TRUE(plans.record(plan_named("try " + std::to_string(i)), 0, Seq{50}).ok());
  EXPECT_EQ((*plans.plan_at("flights", 0, Seq{50}))->sql, "try 11");
  EXPECT_EQ((*plans.plan_at("flights", 0, Seq{49}))->sql, "one");
  EXPECT_EQ(plans.history("flights", 0)->size(), 2U);
  const Status before = plans.record(plan_named("three"), 0, Seq{49});
  EXPECT_EQ(before.code(), StatusCode::kInvalidArgument);
}

TEST_F(LakeStoresTest, APlanThatCannotBeReadIsSaidToBeLost) {
  const PlanStore plans(objects());
  ASSERT_TRUE(plans.record(plan_named("one"), 0, Seq{1}).ok());
  ASSERT_TRUE(objects().put(plan_path("flights", plan_named("one").id()), "{").ok());
  EXPECT_EQ(plans.current("flights", 0).status().code(), StatusCode::kDataLoss);
}

TEST_F(LakeStoresTest, AGapIsRecordedForGood) {
  const GapStore gaps(objects());
  const Gap trimmed{.name = "flights",
                    .shard = 1,
                    .range = {Seq{10}, Seq{20}},
                    .reason = "the stream kept 1 day \xff",
                    .detected_us = 5,
                    .accepted_us = 6,
                    .incarnation = 0};
  Gap later = trimmed;
  later.range = {Seq{100}, Seq{100}};
  ASSERT_TRUE(gaps.record(later).ok());
  ASSERT_TRUE(gaps.record(trimmed).ok());
  Gap again = trimmed;
  again.reason = "told differently";
  ASSERT_TRUE(gaps.record(again).ok());
  const auto all = gaps.list("flights");
  ASSERT_TRUE(all.ok()) << all.status().to_string();
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].range, trimmed.range);
  EXPECT_THAT((*all)[0].reason, HasSubstr("the stream kept 1 day"));
  EXPECT_EQ((*all)[0].accepted_us, 6);
  EXPECT_EQ((*all)[1].range, later.range);
  EXPECT_TRUE(gaps.list("trains")->empty());
  EXPECT_EQ(gaps.record({.name = "flights", .range = {Seq{2}, Seq{1}}}).code(), StatusCode::kInvalidArgument);
}

TEST_F(LakeStoresTest, AStreamLivesOnInTheIncarnationThatWasAcceptedFirst) {
  const IncarnationStore lives(objects());
  EXPECT_EQ(*lives.current("FLIGHTS"), std::nullopt);
  const Incarnation first{.number = 1, .base = 1'000, .created_us = 7, .accepted_at_position = Seq{990}};
  ASSERT_TRUE(lives.advance("FLIGHTS", first).ok());
  EXPECT_TRUE(lives.advance("FLIGHTS", first).ok());
  EXPECT_EQ(*lives.current("FLIGHTS"), first);
  Incarnation rival = first;
  rival.base = 2'000;
  EXPECT_EQ(lives.advance("FLIGHTS", rival).code(), StatusCode::kConflict);
  const Incarnation second{.number = 2, .base = 5'000, .created_us = 8, .accepted_at_position = Seq{4'000}};
  ASSERT_TRUE(lives.advance("FLIGHTS", second).ok());
  EXPECT_EQ(lives.history("FLIGHTS")->size(), 2U);
  EXPECT_EQ(lives.current("FLIGHTS")->value().base, 5'000);
}

TEST_F(LakeStoresTest, ABaseLiesAboveEverySequenceThatWasUsed) {
  const IncarnationStore lives(objects());
  EXPECT_EQ(lives.advance("S", {.number = 1, .base = 10, .accepted_at_position = Seq{11}}).code(),
            StatusCode::kInvalidArgument);
  EXPECT_EQ(lives.advance("S", {.number = 2, .base = 10, .accepted_at_position = Seq{5}}).code(),
            StatusCode::kInvalidArgument);
}

TEST_F(LakeStoresTest, OfManyWhoStartAnIncarnationAtOnceAllGoOnWithTheSameBase) {
  const IncarnationStore lives(objects());
  std::vector<Status> outcomes(6);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      threads.emplace_back(
          [&, i] { outcomes[i] = lives.advance("S", {.number = 1, .base = 100 + static_cast<int64_t>(i)}); });
    }
  }
  EXPECT_EQ(std::ranges::count_if(outcomes, [](const Status& status) { return status.ok(); }), 1);
  EXPECT_EQ(std::ranges::count(outcomes, StatusCode::kConflict, &Status::code), 5);
  EXPECT_EQ(lives.history("S")->size(), 1U);
}

}  // namespace
}  // namespace weir::lake
