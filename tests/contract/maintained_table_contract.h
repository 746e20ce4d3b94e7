#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "maintain/delta_log.h"
#include "maintain/maintained_table.h"
#include "tests/contract/lake_table_contract.h"

namespace weir::contract {

/// What maintain/maintained_table.h promises, beside a writer. A Backend is that of LakeTableContract, of an
/// unpartitioned table whose rows take one file a write, and:
///   std::unique_ptr<maintain::MaintainedTable> maintained()    the table as its upkeep sees it
///   name()                                                     its folder in the lake
///   pass_a_moment()                                            until its clock has gone on
template <class Backend>
class MaintainedTableContract : public LakeTableContract<Backend> {
 protected:
  using typename LakeTableContract<Backend>::Snapshot;

  void SetUp() override { maintained_ = this->backend_.maintained(); }

  /// A commit of one file with one row; each moves "a" to its sequence.
  Snapshot append(int64_t seq) {
    const auto files = this->write(rows_from_to(seq, seq));
    return this->commit(this->newest(), files.get(), {{"a", seq}});
  }
  Snapshot append(int64_t first, int64_t last) {
    Snapshot newest;
    for (int64_t seq = first; seq <= last; ++seq) newest = append(seq);
    return newest;
  }
  engine::OptimizeResult optimize() {
    const auto done = maintained_->optimize({.target_file_bytes = 1 << 20});
    EXPECT_TRUE(done.ok()) << done.status().to_string();
    return done.ok() ? *done : engine::OptimizeResult{};
  }
  std::set<std::string> vacuum(int64_t retention_hours, bool dry_run) {
    const auto names =
        maintained_->vacuum({.retention_hours = retention_hours, .dry_run = dry_run, .enforce_retention = false});
    EXPECT_TRUE(names.ok()) << names.status().to_string();
    return names.ok() ? std::set<std::string>(names->begin(), names->end()) : std::set<std::string>();
  }
  engine::TableDescription described() {
    const auto described = maintained_->describe(/*with_files=*/true);
    EXPECT_TRUE(described.ok()) << described.status().to_string();
    return described.ok() ? *described : engine::TableDescription{};
  }
  std::set<std::string> files() {
    std::set<std::string> names;
    for (const engine::DataFile& file : described().data_files) names.insert(file.path);
    return names;
  }
  /// Data files in the table's folder, whether or not a version refers to them.
  std::set<std::string> stored() {
    const auto entries = maintained_->objects().list(this->backend_.name());
    EXPECT_TRUE(entries.ok()) << entries.status().to_string();
    std::set<std::string> names;
    for (const engine::ObjectEntry& entry : *entries) {
      const std::string name = entry.path.substr(this->backend_.name().size() + 1);
      if (!name.starts_with("_delta_log")) names.insert(name);
    }
    return names;
  }
  maintain::DeltaLog log() {
    const auto log = maintain::read_delta_log(maintained_->objects(), this->backend_.name());
    EXPECT_TRUE(log.ok()) << log.status().to_string();
    return log.ok() ? *log : maintain::DeltaLog{};
  }
  bool readable(const Snapshot& snapshot) {
    const auto reader = this->theirs_->read(*snapshot, 0, {Seq{0}, Seq{1'000'000}});
    if (!reader.ok()) return false;
    while (true) {
      const auto batch = (*reader)->Next();
      if (!batch.ok()) return false;
      if (*batch == nullptr) return true;
    }
  }

  std::unique_ptr<maintain::MaintainedTable> maintained_;
};

TYPED_TEST_SUITE_P(MaintainedTableContract);

TYPED_TEST_P(MaintainedTableContract, ARewriteKeepsRowsAndTransactionsAndTheVersionsBeforeIt) {
  const auto before = this->append(1, 5);
  ASSERT_EQ(this->files().size(), 5U);
  const auto done = this->optimize();
  EXPECT_EQ(done.version, before->version() + 1);
  EXPECT_EQ(done.files_removed, 5);
  EXPECT_EQ(done.files_added, 1);
  EXPECT_EQ(this->files().size(), 1U);
  EXPECT_EQ(this->read(this->newest()), rows_from_to(1, 5));
  EXPECT_EQ(this->txn(this->newest(), "a"), 5);
  EXPECT_EQ(this->read(before), rows_from_to(1, 5));
}

TYPED_TEST_P(MaintainedTableContract, ARewriteOfWhatIsOneFileAlreadyCommitsNothing) {
  this->append(1, 3);
  const auto first = this->optimize();
  const auto second = this->optimize();
  EXPECT_EQ(second.files_removed, 0);
  EXPECT_EQ(second.version, first.version);
}

TYPED_TEST_P(MaintainedTableContract, ACommitOnABaseFromBeforeARewriteLandsAndNothingIsLost) {
  const auto base = this->append(1, 3);
  const auto files = this->write(rows_from_to(4, 6));
  this->optimize();
  const auto after = this->commit(base, files.get(), {{"a", 6}});
  EXPECT_EQ(this->read(after), rows_from_to(1, 6));
  this->optimize();
  EXPECT_EQ(this->read(this->newest()), rows_from_to(1, 6));
}

TYPED_TEST_P(MaintainedTableContract, AVacuumSparesWhatIsYoungerThanItsRetentionRemovedOrNotYetCommitted) {
  const auto before = this->append(1, 3);
  const auto uncommitted = this->write(rows_from_to(4, 4));
  this->optimize();
  const auto stored = this->stored();
  EXPECT_EQ(this->vacuum(1, /*dry_run=*/true), std::set<std::string>());
  EXPECT_EQ(this->vacuum(1, /*dry_run=*/false), std::set<std::string>());
  EXPECT_EQ(this->stored(), stored);
  EXPECT_EQ(this->read(before), rows_from_to(1, 3));
  EXPECT_EQ(this->read(this->commit(this->newest(), uncommitted.get(), {{"a", 4}})), rows_from_to(1, 4));
}

TYPED_TEST_P(MaintainedTableContract, AVacuumDeletesWhatWasRemovedAndWhatWasNeverCommittedAndNoMore) {
  const auto before = this->append(1, 3);
  const auto removed = this->files();
  this->write(rows_from_to(9, 9));  // Dropped: a left-over.
  this->optimize();
  const auto active = this->files();
  const auto stored = this->stored();
  this->backend_.pass_a_moment();
  const auto listed = this->vacuum(0, /*dry_run=*/true);
  EXPECT_EQ(listed.size(), 4U);
  EXPECT_EQ(this->stored(), stored);
  EXPECT_EQ(this->vacuum(0, /*dry_run=*/false), listed);
  EXPECT_EQ(this->stored(), active);
  for (const std::string& file : removed) EXPECT_TRUE(listed.contains(file)) << file;
  EXPECT_EQ(this->read(this->newest()), rows_from_to(1, 3));
  EXPECT_FALSE(this->readable(before));
}

TYPED_TEST_P(MaintainedTableContract, AVacuumCommitsThatNobodyConflictsWith) {
  const auto base = this->append(1, 3);
  this->optimize();
  this->backend_.pass_a_moment();
  const int64_t before = this->described().version;
  this->vacuum(0, /*dry_run=*/false);
  EXPECT_EQ(this->described().version, before + 2) << "its begin and its end";
  const auto files = this->write(rows_from_to(4, 4));
  EXPECT_EQ(this->read(this->commit(base, files.get(), {{"a", 4}})), rows_from_to(1, 4));
}

TYPED_TEST_P(MaintainedTableContract, WhatAVacuumDeletedIsListedAgainAsLongAsItsRemovalIsRemembered) {
  this->append(1, 3);
  this->optimize();
  this->backend_.pass_a_moment();
  const auto first = this->vacuum(0, /*dry_run=*/false);
  EXPECT_EQ(first.size(), 3U);
  EXPECT_EQ(this->vacuum(0, /*dry_run=*/true), first);
}

TYPED_TEST_P(MaintainedTableContract, ACleanUpOfTheLogKeepsTheNewestCheckpointAndEverythingAfterIt) {
  this->append(1, 4);
  const auto checkpointed = this->maintained_->checkpoint();
  ASSERT_TRUE(checkpointed.ok()) << checkpointed.status().to_string();
  EXPECT_EQ(this->log().newest_checkpoint, *checkpointed);
  EXPECT_EQ(this->log().commits_since_checkpoint(), 0);
  this->append(5, 6);
  EXPECT_EQ(this->log().commits_since_checkpoint(), 2);
  this->backend_.pass_a_moment();
  const auto kept = this->maintained_->clean_log({.retention_hours = 1, .dry_run = false});
  ASSERT_TRUE(kept.ok()) << kept.status().to_string();
  EXPECT_EQ(kept->size(), 0U);
  const auto listed = this->maintained_->clean_log({.retention_hours = 0, .dry_run = true});
  ASSERT_TRUE(listed.ok()) << listed.status().to_string();
  EXPECT_EQ(this->log().oldest_entry, 0);
  const auto removed = this->maintained_->clean_log({.retention_hours = 0, .dry_run = false});
  ASSERT_TRUE(removed.ok()) << removed.status().to_string();
  EXPECT_EQ(removed->size(), static_cast<size_t>(*checkpointed)) << "every entry below the checkpoint";
  EXPECT_EQ(removed->size(), listed->size());
  EXPECT_EQ(this->log().oldest_entry, *checkpointed);
  EXPECT_EQ(this->log().oldest_version(), *checkpointed);
  EXPECT_EQ(this->read(this->newest()), rows_from_to(1, 6));
  EXPECT_EQ(this->txn(this->newest(), "a"), 6);
}

TYPED_TEST_P(MaintainedTableContract, AVersionSaysWhenItWasCommittedUntilItsEntryIsGone) {
  const auto first = this->append(1);
  const auto second = this->append(2);
  const auto time_of = [&](int64_t version) {
    const auto time = maintain::commit_time_ms(this->maintained_->objects(), this->backend_.name(), version);
    EXPECT_TRUE(time.ok()) << time.status().to_string();
    return time.ok() ? *time : std::nullopt;
  };
  ASSERT_TRUE(time_of(first->version()) && time_of(second->version()));
  EXPECT_LE(*time_of(first->version()), *time_of(second->version()));
  EXPECT_EQ(time_of(second->version() + 1), std::nullopt);
}

REGISTER_TYPED_TEST_SUITE_P(MaintainedTableContract, ARewriteKeepsRowsAndTransactionsAndTheVersionsBeforeIt,
                            ARewriteOfWhatIsOneFileAlreadyCommitsNothing,
                            ACommitOnABaseFromBeforeARewriteLandsAndNothingIsLost,
                            AVacuumSparesWhatIsYoungerThanItsRetentionRemovedOrNotYetCommitted,
                            AVacuumDeletesWhatWasRemovedAndWhatWasNeverCommittedAndNoMore,
                            AVacuumCommitsThatNobodyConflictsWith,
                            WhatAVacuumDeletedIsListedAgainAsLongAsItsRemovalIsRemembered,
                            ACleanUpOfTheLogKeepsTheNewestCheckpointAndEverythingAfterIt,
                            AVersionSaysWhenItWasCommittedUntilItsEntryIsGone);

}  // namespace weir::contract
