#pragma once

#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "batch/row_ids.h"
#include "ports/hot_table.h"

namespace weir::contract {

/// What ports/hot_table.h promises, for shard 0. A Backend is one table that is not there yet, for one test:
///   static void start(), stop()          what all tests of the suite share
///   std::unique_ptr<HotTable> open()     the table as one more process sees it; lives as long as the Backend
///   rows(ids)                            rows of these identities, all of one partition
///   spread_rows(ids)                     rows of these identities, of several partitions
///   void drop()                          somebody drops the table, with its rows, but not the fence
///   std::set<Seq> views()                the hot_start of each reader's view that is there
///   void refuse(Seq)                     from now on the store can never take a row of this sequence
template <class Backend>
class HotTableContract : public testing::Test {
 protected:
  static void SetUpTestSuite() { Backend::start(); }
  static void TearDownTestSuite() { Backend::stop(); }

  HotTableContract() : table_(backend_.open()) {}

  /// A table that is there, its fence at `epoch`.
  void make(int64_t epoch = 1) {
    const auto created = table_->ensure();
    ASSERT_TRUE(created.ok()) << created.status().to_string();
    const Status raised = table_->raise_fence(live_writer(0), Epoch{epoch});
    ASSERT_TRUE(raised.ok()) << raised.to_string();
  }
  Status insert(const std::shared_ptr<arrow::RecordBatch>& rows, int64_t epoch = 1,
                const HotWriter& writer = live_writer(0)) {
    return table_->insert(
        {.rows = rows, .token = "t/0/" + std::to_string(++attempts_), .writer = writer, .epoch = Epoch{epoch}});
  }
  void insert_ok(const std::vector<RowId>& ids) {
    const Status status = insert(backend_.rows(ids));
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  /// Identities from `first` to `last`, as another process finds them.
  std::vector<RowId> ids(int64_t first = 0, int64_t last = 1'000'000) {
    const auto found = backend_.open()->read_ids(0, {Seq{first}, Seq{last}});
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    return found.ok() ? *found : std::vector<RowId>();
  }
  SeqRange bounds() {
    const auto found = table_->seq_bounds(0);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    return found.ok() ? *found : SeqRange{Seq{-1}, Seq{-1}};
  }
  int64_t fence(const HotWriter& writer = live_writer(0)) {
    const auto found = table_->fence(writer);
    EXPECT_TRUE(found.ok()) << found.status().to_string();
    return found.ok() ? found->value : -1;
  }

  Backend backend_;
  std::unique_ptr<HotTable> table_;
  int attempts_ = 0;
};

inline std::vector<RowId> ids_of(int64_t first, int64_t last) {
  std::vector<RowId> ids;
  for (int64_t seq = first; seq <= last; ++seq) ids.push_back({Seq{seq}, 0});
  return ids;
}

TYPED_TEST_SUITE_P(HotTableContract);

TYPED_TEST_P(HotTableContract, EnsureMakesTheTableOnceWhoeverAsks) {
  const auto first = this->table_->ensure();
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_TRUE(*first);
  EXPECT_FALSE(*this->table_->ensure());
  EXPECT_FALSE(*this->backend_.open()->ensure());
}

TYPED_TEST_P(HotTableContract, EnsureKeepsRowsAndFence) {
  this->make(7);
  ASSERT_TRUE(this->insert(this->backend_.rows(ids_of(1, 3)), 7).ok());
  ASSERT_TRUE(this->table_->ensure().ok());
  EXPECT_EQ(this->ids(), ids_of(1, 3));
  EXPECT_EQ(this->fence(), 7);
}

TYPED_TEST_P(HotTableContract, ATableThatSomebodyDroppedIsNotFoundUntilItIsMadeAgain) {
  this->make();
  this->insert_ok(ids_of(1, 3));
  this->backend_.drop();
  const Status status = this->insert(this->backend_.rows(ids_of(4, 4)));
  EXPECT_EQ(status.code(), StatusCode::kNotFound) << status.to_string();
  const auto created = this->table_->ensure();
  ASSERT_TRUE(created.ok()) << created.status().to_string();
  EXPECT_TRUE(*created);
  EXPECT_EQ(this->ids(), std::vector<RowId>());
  EXPECT_EQ(this->fence(), 1);
  this->insert_ok(ids_of(4, 4));
}

TYPED_TEST_P(HotTableContract, AnAbsentFenceReadsZeroAndLetsNothingIn) {
  ASSERT_TRUE(this->table_->ensure().ok());
  EXPECT_EQ(this->fence(), 0);
  const Status status = this->insert(this->backend_.rows(ids_of(1, 3)), 1);
  EXPECT_EQ(status.code(), StatusCode::kFenced) << status.to_string();
  EXPECT_EQ(this->ids(), std::vector<RowId>());
}

TYPED_TEST_P(HotTableContract, OnlyTheEpochThatTheFenceHoldsGetsRowsIn) {
  this->make(5);
  for (const int64_t epoch : {4, 6, 0}) {
    const Status status = this->insert(this->backend_.rows(ids_of(1, 3)), epoch);
    EXPECT_EQ(status.code(), StatusCode::kFenced) << epoch << ": " << status.to_string();
  }
  EXPECT_EQ(this->ids(), std::vector<RowId>());
  EXPECT_TRUE(this->insert(this->backend_.rows(ids_of(1, 3)), 5).ok());
  EXPECT_EQ(this->ids(), ids_of(1, 3));
}

TYPED_TEST_P(HotTableContract, TheFenceRisesAndIsNeverLowered) {
  this->make(5);
  EXPECT_TRUE(this->table_->raise_fence(live_writer(0), Epoch{5}).ok());  // again: after an answer that was lost
  EXPECT_TRUE(this->backend_.open()->raise_fence(live_writer(0), Epoch{8}).ok());
  EXPECT_EQ(this->table_->raise_fence(live_writer(0), Epoch{7}).code(), StatusCode::kFenced);
  EXPECT_EQ(this->fence(), 8);
}

TYPED_TEST_P(HotTableContract, AReplacedProcessGetsNoRowInAndKeepsThoseItHad) {
  this->make(1);
  this->insert_ok(ids_of(1, 3));
  ASSERT_TRUE(this->backend_.open()->raise_fence(live_writer(0), Epoch{2}).ok());
  EXPECT_EQ(this->insert(this->backend_.rows(ids_of(4, 6)), 1).code(), StatusCode::kFenced);
  EXPECT_EQ(this->ids(), ids_of(1, 3));
}

TYPED_TEST_P(HotTableContract, LiveAndBulkHaveAFenceEach) {
  this->make(5);
  EXPECT_EQ(this->fence(bulk_writer(0)), 0);
  EXPECT_EQ(this->insert(this->backend_.rows(ids_of(1, 3)), 5, bulk_writer(0)).code(), StatusCode::kFenced);
  ASSERT_TRUE(this->table_->raise_fence(bulk_writer(0), Epoch{9}).ok());
  EXPECT_EQ(this->fence(), 5);
  EXPECT_EQ(this->fence(bulk_writer(0)), 9);
  EXPECT_TRUE(this->insert(this->backend_.rows(ids_of(11, 13)), 5).ok());
  EXPECT_EQ(this->insert(this->backend_.rows(ids_of(14, 16)), 9).code(), StatusCode::kFenced);
  EXPECT_TRUE(this->insert(this->backend_.rows(ids_of(1, 3)), 9, bulk_writer(0)).ok());
  ASSERT_TRUE(this->table_->raise_fence(live_writer(0), Epoch{20}).ok());
  EXPECT_EQ(this->fence(bulk_writer(0)), 9);
  EXPECT_TRUE(this->insert(this->backend_.rows(ids_of(4, 5)), 9, bulk_writer(0)).ok());
  EXPECT_EQ(this->ids(), (std::vector<RowId>{{Seq{1}, 0}, {Seq{2}, 0}, {Seq{3}, 0}, {Seq{4}, 0}, {Seq{5}, 0},
                                             {Seq{11}, 0}, {Seq{12}, 0}, {Seq{13}, 0}}));
}

TYPED_TEST_P(HotTableContract, AStaleBulkInsertLandsNothing) {
  this->make();
  ASSERT_TRUE(this->table_->raise_fence(bulk_writer(0), Epoch{1}).ok());
  ASSERT_TRUE(this->backend_.open()->raise_fence(bulk_writer(0), Epoch{2}).ok());
  EXPECT_EQ(this->insert(this->backend_.rows(ids_of(1, 3)), 1, bulk_writer(0)).code(), StatusCode::kFenced);
  EXPECT_EQ(this->ids(), std::vector<RowId>());
}

TYPED_TEST_P(HotTableContract, ATableMadeAgainHasAnotherId) {
  EXPECT_EQ(this->table_->table_id().status().code(), StatusCode::kNotFound);
  this->make();
  const auto first = this->table_->table_id();
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_NE(*first, "");
  ASSERT_TRUE(this->table_->ensure().ok());
  EXPECT_EQ(*this->backend_.open()->table_id(), *first);
  this->backend_.drop();
  EXPECT_EQ(this->table_->table_id().status().code(), StatusCode::kNotFound);
  ASSERT_TRUE(this->table_->ensure().ok());
  EXPECT_NE(*this->table_->table_id(), *first);
}

TYPED_TEST_P(HotTableContract, ViewsOfALowerBeginningAreWithdrawnAndTheOthersStay) {
  this->make();
  for (const int64_t start : {7, 20, 7}) {
    const Status offered = this->table_->offer_view(Seq{start});
    ASSERT_TRUE(offered.ok()) << offered.to_string();
  }
  ASSERT_TRUE(this->table_->withdraw_views(Seq{7}).ok());
  EXPECT_EQ(this->backend_.views(), (std::set<Seq>{Seq{7}, Seq{20}}));
  ASSERT_TRUE(this->table_->withdraw_views(Seq{8}).ok());
  EXPECT_EQ(this->backend_.views(), std::set<Seq>{Seq{20}});
  ASSERT_TRUE(this->table_->withdraw_views(Seq{8}).ok()) << "and again";
}

TYPED_TEST_P(HotTableContract, NoViewOfATableOutlivesIt) {
  this->make();
  ASSERT_TRUE(this->table_->offer_view(Seq{0}).ok());
  ASSERT_TRUE(this->table_->offer_view(Seq{20}).ok());
  ASSERT_TRUE(this->table_->ensure().ok());
  EXPECT_EQ(this->backend_.views(), (std::set<Seq>{Seq{0}, Seq{20}}));
  this->backend_.drop();
  ASSERT_TRUE(this->table_->ensure().ok());
  EXPECT_EQ(this->backend_.views(), std::set<Seq>());
}

TYPED_TEST_P(HotTableContract, RowsAreCountedInARangeWithTheirDoubles) {
  this->make();
  const auto count = [this](int64_t first, int64_t last) {
    const auto rows = this->table_->count_rows(0, {Seq{first}, Seq{last}});
    EXPECT_TRUE(rows.ok()) << rows.status().to_string();
    return rows.ok() ? *rows : -1;
  };
  EXPECT_EQ(count(0, 1'000), 0);
  this->insert_ok(ids_of(1, 10));
  this->insert_ok(ids_of(4, 6));
  EXPECT_EQ(count(0, 1'000), 13);
  EXPECT_EQ(count(4, 4), 2);
  EXPECT_EQ(count(6, 10), 6);
  EXPECT_EQ(count(11, 1'000), 0);
  EXPECT_EQ(count(5, 4), 0);
}

TYPED_TEST_P(HotTableContract, ADroppedTableIsNotFoundByWhoeverReadsIt) {
  this->make();
  this->backend_.drop();
  EXPECT_EQ(this->table_->count_rows(0, {Seq{1}, Seq{9}}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(this->table_->read_ids(0, {Seq{1}, Seq{9}}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(this->table_->seq_bounds(0).status().code(), StatusCode::kNotFound);
}

TYPED_TEST_P(HotTableContract, IdentitiesAreSortedAndRepeatedAsOftenAsTheRowIsThere) {
  this->make();
  this->insert_ok({{Seq{9}, 1}, {Seq{9}, 0}, {Seq{2}, 0}});
  this->insert_ok({{Seq{5}, 0}, {Seq{9}, 1}});
  EXPECT_EQ(this->ids(), (std::vector<RowId>{{Seq{2}, 0}, {Seq{5}, 0}, {Seq{9}, 0}, {Seq{9}, 1}, {Seq{9}, 1}}));
}

TYPED_TEST_P(HotTableContract, BothEndsOfARangeBelongToIt) {
  this->make();
  this->insert_ok(ids_of(1, 10));
  EXPECT_EQ(this->ids(3, 5), ids_of(3, 5));
  EXPECT_EQ(this->ids(11, 20), std::vector<RowId>());
  EXPECT_EQ(this->ids(5, 4), std::vector<RowId>());
}

TYPED_TEST_P(HotTableContract, BoundsAreTheLowestAndHighestSequenceAndEmptyWithoutRows) {
  this->make();
  EXPECT_TRUE(this->bounds().empty());
  this->insert_ok(ids_of(7, 7));
  EXPECT_EQ(this->bounds(), (SeqRange{Seq{7}, Seq{7}}));
  this->insert_ok({{Seq{3}, 0}, {Seq{90}, 4}});
  EXPECT_EQ(this->bounds(), (SeqRange{Seq{3}, Seq{90}}));
}

TYPED_TEST_P(HotTableContract, ErasingTakesEveryCopyInTheRangeAndNothingElse) {
  this->make();
  this->insert_ok(ids_of(1, 10));
  this->insert_ok(ids_of(4, 6));
  ASSERT_TRUE(this->table_->erase(0, {Seq{5}, Seq{8}}).ok());
  EXPECT_EQ(
      this->ids(),
      (std::vector<RowId>{{Seq{1}, 0}, {Seq{2}, 0}, {Seq{3}, 0}, {Seq{4}, 0}, {Seq{4}, 0}, {Seq{9}, 0}, {Seq{10}, 0}}));
  EXPECT_TRUE(this->table_->erase(0, {Seq{5}, Seq{8}}).ok());
  EXPECT_TRUE(this->table_->erase(0, {Seq{2}, Seq{1}}).ok());
  EXPECT_EQ(this->bounds(), (SeqRange{Seq{1}, Seq{10}}));
  this->insert_ok(ids_of(5, 5));
  EXPECT_EQ(this->ids(5, 5), ids_of(5, 5));
}

TYPED_TEST_P(HotTableContract, ARowThatCanNeverBeTakenIsRejectedWithItsWholeBlock) {
  this->make();
  this->backend_.refuse(Seq{2});
  const Status status = this->insert(this->backend_.rows(ids_of(1, 3)));
  EXPECT_EQ(status.code(), StatusCode::kRejected) << status.to_string();
  EXPECT_EQ(this->ids(), std::vector<RowId>());
  this->insert_ok({{Seq{1}, 0}, {Seq{3}, 0}});
}

TYPED_TEST_P(HotTableContract, ASplitKeepsEveryRowAndTheOrderWithinEachPart) {
  this->make();
  const std::vector<RowId> all = ids_of(1, 20);
  const auto parts = this->table_->split_by_partition(this->backend_.spread_rows(all));
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  ASSERT_GT(parts->size(), 1U);
  std::vector<RowId> together;
  for (const auto& part : *parts) {
    ASSERT_GT(part->num_rows(), 0);
    const auto some = row_ids(*part);
    ASSERT_TRUE(some.ok());
    EXPECT_TRUE(std::is_sorted(some->begin(), some->end()));
    together.insert(together.end(), some->begin(), some->end());
    const Status status = this->insert(part);
    EXPECT_TRUE(status.ok()) << status.to_string();
  }
  std::sort(together.begin(), together.end());
  EXPECT_EQ(together, all);
  EXPECT_EQ(this->ids(), all);
}

TYPED_TEST_P(HotTableContract, ASingleRowIsASinglePart) {
  const auto parts = this->table_->split_by_partition(this->backend_.rows(ids_of(4, 4)));
  ASSERT_TRUE(parts.ok()) << parts.status().to_string();
  ASSERT_EQ(parts->size(), 1U);
  EXPECT_EQ(*row_ids(*parts->front()), ids_of(4, 4));
}

REGISTER_TYPED_TEST_SUITE_P(HotTableContract, EnsureMakesTheTableOnceWhoeverAsks, EnsureKeepsRowsAndFence,
                            ATableThatSomebodyDroppedIsNotFoundUntilItIsMadeAgain,
                            AnAbsentFenceReadsZeroAndLetsNothingIn, OnlyTheEpochThatTheFenceHoldsGetsRowsIn,
                            TheFenceRisesAndIsNeverLowered, LiveAndBulkHaveAFenceEach, AStaleBulkInsertLandsNothing,
                            ATableMadeAgainHasAnotherId, ViewsOfALowerBeginningAreWithdrawnAndTheOthersStay,
                            NoViewOfATableOutlivesIt, RowsAreCountedInARangeWithTheirDoubles,
                            ADroppedTableIsNotFoundByWhoeverReadsIt, AReplacedProcessGetsNoRowInAndKeepsThoseItHad,
                            IdentitiesAreSortedAndRepeatedAsOftenAsTheRowIsThere, BothEndsOfARangeBelongToIt,
                            BoundsAreTheLowestAndHighestSequenceAndEmptyWithoutRows,
                            ErasingTakesEveryCopyInTheRangeAndNothingElse,
                            ARowThatCanNeverBeTakenIsRejectedWithItsWholeBlock,
                            ASplitKeepsEveryRowAndTheOrderWithinEachPart, ASingleRowIsASinglePart);

}  // namespace weir::contract
