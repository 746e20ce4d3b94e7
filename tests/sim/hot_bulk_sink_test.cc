#include "pipeline/hot_bulk_sink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "batch/row_ids.h"
#include "pipeline/hot_fence.h"
#include "pipeline/hot_position.h"
#include "pipeline/hot_sink.h"
#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_stream.h"

namespace weir::pipeline {
namespace {

std::vector<RowId> ids_of(int64_t first, int64_t last) {
  std::vector<RowId> ids;
  for (int64_t seq = first; seq <= last; ++seq) ids.push_back({Seq{seq}, 0});
  return ids;
}

/// A live path at position 100 that was there since 50, and a bulk path beside it.
class HotBulkSinkTest : public testing::Test {
 protected:
  HotBulkSinkTest() {
    EXPECT_EQ(live_->resolve().status().to_string(), "ok");
    EXPECT_EQ(live_->skip_to(Seq{100}).to_string(), "ok");
  }

  fakes::Faults faults() {
    return {.fate =
                [this](std::string_view step) {
                  if (calls_until_ > 0 && --calls_until_ == 0) std::exchange(meanwhile_, nullptr)();
                  return step == fails_at_ ? fate_ : fakes::Fate::kDone;
                },
            .land_late = [this](std::function<void()> effect) { late_.push_back(std::move(effect)); }};
  }
  std::unique_ptr<HotSink> live(int64_t epoch = 1) {
    return std::make_unique<HotSink>(
        table_, key_value_,
        HotSinkOptions{.table = "t", .shard = 0, .epoch = Epoch{epoch}, .lake_position = Seq{50}}, quarantine());
  }
  std::unique_ptr<HotBulkSink> bulk(int64_t epoch = 1, int64_t look_ids_max = 1'000) {
    return std::make_unique<HotBulkSink>(
        table_, key_value_,
        HotBulkOptions{
            .table = "t", .shard = 0, .epoch = Epoch{epoch}, .upper_without_live = {}, .look_ids_max = look_ids_max},
        quarantine());
  }
  Quarantine quarantine() {
    return [this](RowId id, const std::string&) {
      quarantined_.push_back(id);
      return ok_status();
    };
  }
  /// Lets `other` run inside the n-th call to a store from now on. False, at the end: there were fewer calls.
  void at_call(int n, std::function<void()> other) {
    calls_until_ = n;
    meanwhile_ = std::move(other);
  }
  bool nothing_was_run() {
    calls_until_ = 0;
    return std::exchange(meanwhile_, nullptr) != nullptr;
  }
  StatusCode write(HotBulkSink& sink, const std::vector<RowId>& ids) { return sink.write(fakes::rows_of(ids)).code(); }
  std::vector<RowId> there() const { return {state_.rows.begin(), state_.rows.end()}; }

  fakes::HotState state_;
  fakes::KeyValueState keys_;
  int calls_until_ = 0;
  std::function<void()> meanwhile_;
  std::string fails_at_;
  fakes::Fate fate_ = fakes::Fate::kDone;
  std::vector<std::function<void()>> late_;
  std::vector<RowId> quarantined_;
  fakes::FakeHotTable table_{state_, faults()};
  fakes::FakeKeyValue key_value_{keys_, faults()};
  std::unique_ptr<HotSink> live_ = live();
};

TEST_F(HotBulkSinkTest, WritesWhatIsMissingInAnyOrderAndNothingTwice) {
  const auto sink = bulk();
  EXPECT_EQ(*sink->resolve(), Seq{100});
  EXPECT_EQ(write(*sink, ids_of(60, 80)), StatusCode::kOk);
  std::vector<RowId> all = ids_of(40, 100);
  std::reverse(all.begin(), all.end());
  EXPECT_EQ(write(*sink, all), StatusCode::kOk);
  EXPECT_EQ(there(), ids_of(40, 100));
  EXPECT_EQ(sink->rows_inserted(), 61);
}

TEST_F(HotBulkSinkTest, RowsAboveTheLivePositionAreRefused) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_EQ(write(*sink, ids_of(99, 101)), StatusCode::kInternal);
  EXPECT_EQ(there(), std::vector<RowId>());
}

TEST_F(HotBulkSinkTest, WithoutAPositionOfTheLivePathThereIsNoBound) {
  keys_.entries.clear();
  EXPECT_EQ(bulk()->resolve().status().code(), StatusCode::kUnavailable);
  keys_.entries["hot/t/0"].value =
      to_json({.epoch = Epoch{1}, .hot_start = Seq{50}, .hot_position = Seq{50}, .provisional = true});
  const Status status = bulk()->resolve().status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_NE(status.message().find("start `weir run`"), std::string::npos) << status.message();
}

TEST_F(HotBulkSinkTest, APositionThatKvKeptFromAnEarlierResolveIsNotBelieved) {
  const auto before = keys_;
  ASSERT_TRUE(live_->resolve().ok());
  keys_ = before;
  EXPECT_EQ(bulk()->resolve().status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(live_->resolve().ok());
  EXPECT_EQ(*bulk()->resolve(), Seq{100});
}

TEST_F(HotBulkSinkTest, WhatComesLateAfterAnUnknownOutcomeLandsNothing) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  fails_at_ = "hot.insert";
  fate_ = fakes::Fate::kLate;
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kOutcomeUnknown);
  fails_at_ = "";
  EXPECT_EQ(write(*sink, ids_of(20, 29)), StatusCode::kConflict) << "nothing more before a resolve";
  EXPECT_EQ(there(), std::vector<RowId>());
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kOk);
  for (const auto& land : late_) land();
  EXPECT_EQ(there(), ids_of(1, 9));
}

TEST_F(HotBulkSinkTest, ACleanRefusalNeedsNoResolve) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  fails_at_ = "hot.insert";
  fate_ = fakes::Fate::kUnavailable;
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kUnavailable);
  fails_at_ = "";
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kOk);
}

TEST_F(HotBulkSinkTest, AResolveOfTheLivePathSendsBulkBackToTheBound) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  ASSERT_TRUE(live_->resolve().ok());
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kConflict);
  EXPECT_EQ(there(), std::vector<RowId>());
  EXPECT_EQ(*sink->resolve(), Seq{100});
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kOk);
}

TEST_F(HotBulkSinkTest, ResolvingWhenNothingWentWrongLeavesTheFenceAlone) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  const Epoch fence = state_.bulk_fence;
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_EQ(state_.bulk_fence, fence);
  sink->expire();
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kConflict);
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_GT(state_.bulk_fence, fence);
}

TEST_F(HotBulkSinkTest, ANewerProcessEndsAnOlderOnesBulk) {
  const auto older = bulk(1);
  ASSERT_TRUE(older->resolve().ok());
  ASSERT_TRUE(live(2)->resolve().ok());
  EXPECT_EQ(write(*older, ids_of(1, 9)), StatusCode::kFenced);
  EXPECT_EQ(older->resolve().status().code(), StatusCode::kFenced);
  EXPECT_TRUE(bulk(2)->resolve().ok());
  EXPECT_EQ(live_->resolve().status().code(), StatusCode::kFenced);
}

TEST_F(HotBulkSinkTest, AFenceThatClickHouseLostIsNotGivenTheSameNumberAgain) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  const Epoch before = state_.bulk_fence;
  state_.bulk_fence = Epoch{0};
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kConflict);
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_GT(state_.bulk_fence, before);
}

TEST_F(HotBulkSinkTest, ManyRowsBetweenThoseOfABatchAreLookedAtInParts) {
  const auto sink = bulk(1, /*look_ids_max=*/4);
  ASSERT_TRUE(sink->resolve().ok());
  ASSERT_EQ(write(*sink, ids_of(2, 99)), StatusCode::kOk);
  state_.ids_max = 30;
  EXPECT_EQ(write(*sink, {{Seq{100}, 0}, {Seq{1}, 0}, {Seq{50}, 0}, {Seq{50}, 1}, {Seq{51}, 0}}), StatusCode::kOk);
  std::vector<RowId> wanted = ids_of(1, 100);
  wanted.insert(wanted.begin() + 50, {Seq{50}, 1});
  EXPECT_EQ(there(), wanted);
}

TEST_F(HotBulkSinkTest, ADoubledRowIsNamed) {
  state_.rows = {{Seq{7}, 2}, {Seq{7}, 2}};
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  const Status in_store = sink->write(fakes::rows_of(ids_of(5, 9)));
  EXPECT_EQ(in_store.code(), StatusCode::kDataLoss);
  EXPECT_NE(in_store.message().find("row 7-2 of shard 0"), std::string::npos) << in_store.message();
  ASSERT_TRUE(sink->resolve().ok());
  const Status in_batch = sink->write(fakes::rows_of({{Seq{20}, 0}, {Seq{21}, 0}, {Seq{20}, 0}}));
  EXPECT_EQ(in_batch.code(), StatusCode::kDataLoss);
  EXPECT_NE(in_batch.message().find("row 20-0"), std::string::npos) << in_batch.message();
}

TEST_F(HotBulkSinkTest, ARowThatClickHouseNeverTakesIsPutAsideAndTheRestGoesIn) {
  state_.refused = {{Seq{4}, 0}};
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_EQ(write(*sink, ids_of(1, 6)), StatusCode::kOk);
  EXPECT_EQ(quarantined_, (std::vector<RowId>{{Seq{4}, 0}}));
  EXPECT_EQ(there(), (std::vector<RowId>{{Seq{1}, 0}, {Seq{2}, 0}, {Seq{3}, 0}, {Seq{5}, 0}, {Seq{6}, 0}}));
}

TEST_F(HotBulkSinkTest, RowsOfFilesHaveTheirOwnBound) {
  keys_.entries.clear();
  HotBulkSink sink(table_, key_value_, {.table = "t", .shard = -3, .epoch = Epoch{1}, .upper_without_live = Seq{9}},
                   quarantine());
  EXPECT_EQ(*sink.resolve(), Seq{9});
  EXPECT_EQ(write(sink, ids_of(1, 9)), StatusCode::kOk);
  EXPECT_EQ(write(sink, ids_of(9, 10)), StatusCode::kInternal);
}

TEST_F(HotBulkSinkTest, ATableMadeAgainIsNamedAnew) {
  const auto sink = bulk();
  ASSERT_TRUE(sink->resolve().ok());
  const std::string first = sink->table_id();
  state_.drop();
  EXPECT_EQ(write(*sink, ids_of(1, 9)), StatusCode::kNotFound);
  ASSERT_TRUE(live_->resolve().ok());
  ASSERT_TRUE(sink->resolve().ok());
  EXPECT_NE(sink->table_id(), first);
}

// --- what the live path does for it

TEST_F(HotBulkSinkTest, LiveNoticesATableThatAnotherProcessMadeAgain) {
  const Slice slice{.shard = 0, .range = {Seq{101}, Seq{110}}, .rows = fakes::rows_of(ids_of(101, 110))};
  ASSERT_TRUE(live_->write({std::make_shared<Slice>(slice)}).ok());
  ASSERT_TRUE(live_->settle().ok());
  state_.drop();
  ASSERT_TRUE(table_.ensure().ok());
  EXPECT_EQ(*live_->resolve(), Seq{100}) << "hot_start, since the lake's position at the start was lower";
  ASSERT_TRUE(live_->write({std::make_shared<Slice>(slice)}).ok());
  EXPECT_EQ(there(), ids_of(101, 110));
}

TEST_F(HotBulkSinkTest, LiveClaimsNothingOfATableThatSomebodyEmptied) {
  const Slice slice{.shard = 0, .range = {Seq{101}, Seq{110}}, .rows = fakes::rows_of(ids_of(101, 110))};
  ASSERT_TRUE(live_->write({std::make_shared<Slice>(slice)}).ok());
  ASSERT_TRUE(live_->settle().ok());
  state_.rows.clear();
  const auto newer = std::make_unique<HotSink>(
      table_, key_value_, HotSinkOptions{.table = "t", .shard = 0, .epoch = Epoch{2}, .lake_position = Seq{105}},
      quarantine());
  EXPECT_EQ(*newer->resolve(), Seq{105});
}

TEST_F(HotBulkSinkTest, SkippingNeverGoesBack) {
  EXPECT_EQ(live_->skip_to(Seq{99}).code(), StatusCode::kInternal);
  EXPECT_EQ(live_->position(), Seq{100});
  EXPECT_EQ(live_->skip_to(Seq{120}).code(), StatusCode::kOk);
  EXPECT_EQ(*live(2)->resolve(), Seq{120});
}

// --- a KV that lost its tail: live stands at 50 again, bulk had 100 for its bound

class AfterKvLostItsTail : public HotBulkSinkTest {
 protected:
  AfterKvLostItsTail() : HotBulkSinkTest() {
    live_ = live(2);
    EXPECT_EQ(*live_->resolve(), Seq{100});
  }
  /// Live skips from 50 to 100; returns what KV held before.
  fakes::KeyValueState skipped_from_50() {
    live_ = live(++epoch_);
    state_.drop();
    keys_.entries.clear();
    state_.fence = state_.bulk_fence = Epoch{0};
    EXPECT_EQ(*live_->resolve(), Seq{50});
    const auto before = keys_;
    EXPECT_TRUE(live_->skip_to(Seq{100}).ok());
    return before;
  }
  void live_writes_51_to_100() {
    for (int tries = 0; live_->position() < Seq{100}; ++tries) {
      ASSERT_LT(tries, 5);
      auto slice = std::make_shared<Slice>();
      slice->range = {Seq{51}, Seq{100}};
      slice->rows = fakes::rows_of(ids_of(51, 100));
      if (live_->write({slice}).ok()) continue;
      ASSERT_EQ(*live_->resolve(), Seq{50});
    }
  }
  void bulk_writes_until_done(HotBulkSink& sink) {
    for (int tries = 0;; ++tries) {
      ASSERT_LT(tries, 10);
      const auto bound = sink.resolve();
      if (bound.ok() && *bound < Seq{100}) {
        sink.expire();
        live_writes_51_to_100();
        ASSERT_TRUE(live_->settle().ok());
        continue;
      }
      if (bound.ok() && write(sink, ids_of(1, 100)) == StatusCode::kOk) return;
      if (bound.ok()) continue;
      ASSERT_TRUE(live_->resolve().ok());
    }
  }

  int64_t epoch_ = 2;
};

TEST_F(AfterKvLostItsTail, WhereverBulkWritesInsideALiveResolveNoRowIsTwice) {
  for (int n = 1;; ++n) {
    const auto before = skipped_from_50();
    const auto sink = bulk(epoch_);
    ASSERT_EQ(*sink->resolve(), Seq{100});
    keys_ = before;
    at_call(n, [&] { (void)write(*sink, ids_of(60, 70)); });
    ASSERT_EQ(*live_->resolve(), Seq{50});
    if (nothing_was_run()) break;
    live_writes_51_to_100();
    ASSERT_EQ(std::adjacent_find(state_.rows.begin(), state_.rows.end()), state_.rows.end()) << "at call " << n;
  }
}

TEST_F(AfterKvLostItsTail, WhereverLiveResolvesInsideABulkResolveAndWritesInsideABulkWriteNoRowIsTwice) {
  for (int n = 1, ran = 1; ran == 1; ++n) {
    for (int m = 1;; ++m) {
      const auto before = skipped_from_50();
      const auto sink = bulk(epoch_);
      at_call(n, [&] {
        keys_ = before;
        ASSERT_EQ(*live_->resolve(), Seq{50});
      });
      const auto bound = sink->resolve();
      ran = nothing_was_run() ? 0 : 1;
      if (ran == 0) break;
      at_call(m, [&] { live_writes_51_to_100(); });
      if (bound.ok()) (void)write(*sink, ids_of(40, static_cast<int64_t>(bound->value)));
      const bool all_calls = nothing_was_run();
      bulk_writes_until_done(*sink);
      ASSERT_FALSE(HasFatalFailure());
      ASSERT_EQ(there(), ids_of(1, 100)) << "resolve at call " << n << ", write at call " << m;
      if (all_calls) break;
    }
  }
}

}  // namespace
}  // namespace weir::pipeline
