#pragma once

#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "batch/row_ids.h"
#include "ports/lake_table.h"

namespace weir::contract {

/// What ports/lake_table.h promises, for shard 0. A Backend is one table without rows, for one test:
///   std::unique_ptr<LakeTable> open()    the table as one more process sees it; lives as long as the Backend
///   rows(ids)                            rows of these identities
template <class Backend>
class LakeTableContract : public testing::Test {
 protected:
  using Snapshot = std::shared_ptr<const LakeSnapshot>;

  LakeTableContract() : ours_(backend_.open()), theirs_(backend_.open()) {}

  Snapshot newest() {
    auto snapshot = theirs_->snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().to_string();
    return snapshot.ok() ? *snapshot : nullptr;
  }
  std::unique_ptr<LakeFiles> write(const std::vector<RowId>& ids) {
    auto files = ours_->write_files({backend_.rows(ids)});
    EXPECT_TRUE(files.ok()) << files.status().to_string();
    return files.ok() ? std::move(files).value() : nullptr;
  }
  Result<Snapshot> try_commit(const Snapshot& base, const LakeFiles* files, const std::vector<LakeTxn>& txns) {
    return ours_->commit(*base, files, txns, R"({"weirRows": 1})");
  }
  Snapshot commit(const Snapshot& base, const LakeFiles* files, const std::vector<LakeTxn>& txns) {
    auto snapshot = try_commit(base, files, txns);
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().to_string();
    return snapshot.ok() ? *snapshot : base;
  }
  StatusCode code_of_commit(const Snapshot& base, const LakeFiles* files, const std::vector<LakeTxn>& txns) {
    return try_commit(base, files, txns).status().code();
  }
  static std::optional<int64_t> txn(const Snapshot& snapshot, std::string_view app_id) {
    const auto version = snapshot->txn(app_id);
    EXPECT_TRUE(version.ok()) << version.status().to_string();
    return version.ok() ? *version : std::optional<int64_t>(-1);
  }
  /// Identities of the rows that a read gives, in its order.
  std::vector<RowId> read(const Snapshot& snapshot, int64_t first = 0, int64_t last = 1'000'000) {
    std::vector<RowId> all;
    const auto reader = theirs_->read(*snapshot, 0, {Seq{first}, Seq{last}});
    EXPECT_TRUE(reader.ok()) << reader.status().to_string();
    if (!reader.ok()) return all;
    for (const auto& batch : **reader) {
      EXPECT_TRUE(batch.ok()) << batch.status().ToString();
      if (!batch.ok()) return all;
      const auto some = row_ids(**batch);
      EXPECT_TRUE(some.ok()) << some.status().to_string();
      if (some.ok()) all.insert(all.end(), some->begin(), some->end());
    }
    return all;
  }

  Backend backend_;
  std::unique_ptr<LakeTable> ours_;
  std::unique_ptr<LakeTable> theirs_;
};

inline std::vector<RowId> rows_from_to(int64_t first, int64_t last) {
  std::vector<RowId> ids;
  for (int64_t seq = first; seq <= last; ++seq) ids.push_back({Seq{seq}, 0});
  return ids;
}

TYPED_TEST_SUITE_P(LakeTableContract);

TYPED_TEST_P(LakeTableContract, ATransactionThatTheTableNeverSawIsEmpty) {
  const auto base = this->newest();
  EXPECT_EQ(this->txn(base, "a"), std::nullopt);
  EXPECT_EQ(this->txn(this->commit(base, nullptr, {{"a", 3}}), "b"), std::nullopt);
}

TYPED_TEST_P(LakeTableContract, WrittenFilesAreReadByNobodyBeforeTheirCommit) {
  const auto files = this->write(rows_from_to(1, 3));
  EXPECT_EQ(files->rows(), 3);
  EXPECT_GT(files->bytes(), 0);
  EXPECT_EQ(this->read(this->newest()), std::vector<RowId>());
}

TYPED_TEST_P(LakeTableContract, ACommitShowsItsRowsAndTransactionsAtOnceToEverybody) {
  const auto base = this->newest();
  const auto files = this->write(rows_from_to(1, 3));
  const auto after = this->commit(base, files.get(), {{"a", 3}, {"a/epoch", 1}});
  EXPECT_GT(after->version(), base->version());
  for (const auto& snapshot : {after, this->newest()}) {
    EXPECT_EQ(snapshot->version(), after->version());
    EXPECT_EQ(this->txn(snapshot, "a"), 3);
    EXPECT_EQ(this->txn(snapshot, "a/epoch"), 1);
    EXPECT_EQ(this->read(snapshot), rows_from_to(1, 3));
  }
}

TYPED_TEST_P(LakeTableContract, ASnapshotNeverChanges) {
  const auto base = this->newest();
  const auto first = this->write(rows_from_to(1, 3));
  const auto one = this->commit(base, first.get(), {{"a", 3}});
  const int64_t version = one->version();
  const auto second = this->write(rows_from_to(4, 6));
  this->commit(one, second.get(), {{"a", 6}, {"b", 1}});
  EXPECT_EQ(one->version(), version);
  EXPECT_EQ(this->txn(one, "a"), 3);
  EXPECT_EQ(this->txn(one, "b"), std::nullopt);
  EXPECT_EQ(this->read(one), rows_from_to(1, 3));
  EXPECT_EQ(this->read(base), std::vector<RowId>());
  EXPECT_EQ(this->read(this->newest()), rows_from_to(1, 6));
}

TYPED_TEST_P(LakeTableContract, ACommitOfTransactionsAloneMovesThemAndKeepsRowsAndOtherTransactions) {
  const auto files = this->write(rows_from_to(1, 3));
  const auto one = this->commit(this->newest(), files.get(), {{"a", 3}, {"b", 1}});
  const auto two = this->commit(one, nullptr, {{"a", 9}});
  EXPECT_GT(two->version(), one->version());
  EXPECT_EQ(this->txn(two, "a"), 9);
  EXPECT_EQ(this->txn(two, "b"), 1);
  EXPECT_EQ(this->read(two), rows_from_to(1, 3));
}

TYPED_TEST_P(LakeTableContract, OnTheSameBaseOnlyOneCommitOfAnAppIdLands) {
  const auto base = this->newest();
  const auto first = this->write(rows_from_to(1, 3));
  this->commit(base, first.get(), {{"a", 3}});
  const auto second = this->write(rows_from_to(1, 5));
  EXPECT_EQ(this->code_of_commit(base, second.get(), {{"a", 5}}), StatusCode::kConflict);
  EXPECT_EQ(this->code_of_commit(base, first.get(), {{"a", 3}}), StatusCode::kConflict);  // its own, repeated
  EXPECT_EQ(this->txn(this->newest(), "a"), 3);
  EXPECT_EQ(this->read(this->newest()), rows_from_to(1, 3));
}

TYPED_TEST_P(LakeTableContract, ACommonAppIdIsEnoughForAConflictAndNothingOfTheCommitLands) {
  const auto base = this->newest();
  this->commit(base, nullptr, {{"a", 3}, {"a/epoch", 2}});
  const auto files = this->write(rows_from_to(1, 3));
  EXPECT_EQ(this->code_of_commit(base, files.get(), {{"b", 7}, {"a/epoch", 1}}), StatusCode::kConflict);
  EXPECT_EQ(this->txn(this->newest(), "b"), std::nullopt);
  EXPECT_EQ(this->txn(this->newest(), "a/epoch"), 2);
  EXPECT_EQ(this->read(this->newest()), std::vector<RowId>());
}

TYPED_TEST_P(LakeTableContract, AConflictIsFoundHoweverManyCommitsOfOthersCameAfter) {
  const auto base = this->newest();
  auto last = this->commit(base, nullptr, {{"a", 1}});
  for (int64_t n = 1; n <= 5; ++n) last = this->commit(last, nullptr, {{"b", n}});
  EXPECT_EQ(this->code_of_commit(base, nullptr, {{"a", 1}}), StatusCode::kConflict);
}

TYPED_TEST_P(LakeTableContract, ACommitOfAnotherAppIdLandsOnAnOldBaseBehindWhatCameSince) {
  const auto base = this->newest();
  const auto first = this->write(rows_from_to(1, 3));
  this->commit(base, first.get(), {{"a", 3}});
  const auto second = this->write(rows_from_to(4, 6));
  const auto after = this->commit(base, second.get(), {{"b", 6}});
  EXPECT_EQ(this->txn(after, "a"), 3);
  EXPECT_EQ(this->txn(after, "b"), 6);
  EXPECT_EQ(this->read(after), rows_from_to(1, 6));
}

TYPED_TEST_P(LakeTableContract, FilesOfACommitThatLostCanBeCommittedOnANewBase) {
  const auto base = this->newest();
  this->commit(base, nullptr, {{"a", 1}});
  const auto files = this->write(rows_from_to(2, 3));
  ASSERT_EQ(this->code_of_commit(base, files.get(), {{"a", 3}}), StatusCode::kConflict);
  EXPECT_EQ(this->read(this->commit(this->newest(), files.get(), {{"a", 3}})), rows_from_to(2, 3));
}

TYPED_TEST_P(LakeTableContract, FilesOfSeveralOthersAreCommittedTogether) {
  const auto first = this->write(rows_from_to(1, 3));
  const auto second = this->write(rows_from_to(4, 5));
  std::vector<std::string> texts;
  for (const LakeFiles* files : {first.get(), second.get()}) {
    const auto text = files->describe();
    ASSERT_TRUE(text.ok()) << text.status().to_string();
    texts.push_back(*text);
  }
  const auto adopted = this->theirs_->adopt_files(texts);
  ASSERT_TRUE(adopted.ok()) << adopted.status().to_string();
  EXPECT_EQ((*adopted)->rows(), 5);
  EXPECT_GT((*adopted)->bytes(), 0);
  EXPECT_EQ(this->read(this->newest()), std::vector<RowId>()) << "nobody committed them yet";
  const auto after = this->theirs_->commit(*this->newest(), adopted->get(), {{"a", 5}}, "{}");
  ASSERT_TRUE(after.ok()) << after.status().to_string();
  EXPECT_EQ(this->read(*after), rows_from_to(1, 5));
}

TYPED_TEST_P(LakeTableContract, WhatDescribesNoFilesIsRefused) {
  for (const char* text : {"", "{}", "[1, 2]", "nothing"}) {
    EXPECT_EQ(this->ours_->adopt_files({text}).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

// Delta compares no version numbers: whoever needs them to grow compares them on the base (pipeline/lake_ledger.h).
TYPED_TEST_P(LakeTableContract, TheSameAndLowerVersionsAreAcceptedOnANewBase) {
  auto snapshot = this->commit(this->newest(), nullptr, {{"a", 5}});
  snapshot = this->commit(snapshot, nullptr, {{"a", 5}});
  EXPECT_EQ(this->txn(snapshot, "a"), 5);
  snapshot = this->commit(snapshot, nullptr, {{"a", 2}});
  EXPECT_EQ(this->txn(snapshot, "a"), 2);
  EXPECT_EQ(this->txn(this->newest(), "a"), 2);
}

TYPED_TEST_P(LakeTableContract, AReadIsSortedBySequenceAndRowWhateverOrderRowsWereCommittedIn) {
  const auto late = this->write({{Seq{7}, 1}, {Seq{7}, 0}, {Seq{4}, 0}});
  const auto one = this->commit(this->newest(), late.get(), {{"a", 7}});
  const auto early = this->write({{Seq{5}, 0}, {Seq{1}, 0}});
  const auto two = this->commit(one, early.get(), {{"b", 5}});
  EXPECT_EQ(this->read(two), (std::vector<RowId>{{Seq{1}, 0}, {Seq{4}, 0}, {Seq{5}, 0}, {Seq{7}, 0}, {Seq{7}, 1}}));
}

TYPED_TEST_P(LakeTableContract, AReadGivesItsRangeWithBothEndsAndNothingElse) {
  const auto first = this->write(rows_from_to(1, 10));
  const auto one = this->commit(this->newest(), first.get(), {{"a", 10}});
  const auto second = this->write(rows_from_to(11, 20));
  const auto two = this->commit(one, second.get(), {{"a", 20}});
  EXPECT_EQ(this->read(two, 8, 13), rows_from_to(8, 13));
  EXPECT_EQ(this->read(two, 20, 99), rows_from_to(20, 20));
  EXPECT_EQ(this->read(two, 21, 99), std::vector<RowId>());
  EXPECT_EQ(this->read(two, 5, 4), std::vector<RowId>());
}

TYPED_TEST_P(LakeTableContract, AReadOfATableWithoutRowsHasTheColumnsOfItsRows) {
  const auto reader = this->ours_->read(*this->newest(), 0, {Seq{1}, Seq{9}});
  ASSERT_TRUE(reader.ok()) << reader.status().to_string();
  EXPECT_TRUE((*reader)->schema()->Equals(*this->backend_.rows({})->schema(), /*check_metadata=*/false))
      << (*reader)->schema()->ToString();
}

TYPED_TEST_P(LakeTableContract, ACheckpointChangesNothingThatIsRead) {
  const auto files = this->write(rows_from_to(1, 3));
  const auto before = this->commit(this->newest(), files.get(), {{"a", 3}});
  const Status status = this->ours_->checkpoint();
  ASSERT_TRUE(status.ok()) << status.to_string();
  const auto after = this->backend_.open()->snapshot();
  ASSERT_TRUE(after.ok()) << after.status().to_string();
  EXPECT_EQ((*after)->version(), before->version());
  EXPECT_EQ(this->txn(*after, "a"), 3);
  EXPECT_EQ(this->read(*after), rows_from_to(1, 3));
  EXPECT_EQ(this->code_of_commit(before, nullptr, {{"b", 1}}), StatusCode::kOk);
}

REGISTER_TYPED_TEST_SUITE_P(
    LakeTableContract, ATransactionThatTheTableNeverSawIsEmpty, WrittenFilesAreReadByNobodyBeforeTheirCommit,
    ACommitShowsItsRowsAndTransactionsAtOnceToEverybody, ASnapshotNeverChanges,
    ACommitOfTransactionsAloneMovesThemAndKeepsRowsAndOtherTransactions, OnTheSameBaseOnlyOneCommitOfAnAppIdLands,
    ACommonAppIdIsEnoughForAConflictAndNothingOfTheCommitLands, AConflictIsFoundHoweverManyCommitsOfOthersCameAfter,
    ACommitOfAnotherAppIdLandsOnAnOldBaseBehindWhatCameSince, FilesOfACommitThatLostCanBeCommittedOnANewBase,
    FilesOfSeveralOthersAreCommittedTogether, WhatDescribesNoFilesIsRefused,
    TheSameAndLowerVersionsAreAcceptedOnANewBase, AReadIsSortedBySequenceAndRowWhateverOrderRowsWereCommittedIn,
    AReadGivesItsRangeWithBothEndsAndNothingElse, AReadOfATableWithoutRowsHasTheColumnsOfItsRows,
    ACheckpointChangesNothingThatIsRead);

}  // namespace weir::contract
