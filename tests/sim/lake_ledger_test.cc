#include "pipeline/lake_ledger.h"

#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "tests/fakes/fake_lake_table.h"

namespace weir::pipeline {
namespace {

constexpr std::string_view kAppId = "weir/t/0";

// A table at position 10 of epoch 3, and a ledger whose commits meet what the test says.
class Ledger {
 public:
  size_t versions() const { return state_.log.size(); }
  int64_t position() const { return state_.txn(kAppId).value_or(0); }
  LakeLedger& operator*() { return ledger_; }
  LakeLedger* operator->() { return &ledger_; }

  fakes::Fate next_commit = fakes::Fate::kDone;

 private:
  fakes::Faults faults() {
    fakes::Faults faults;
    faults.fate = [this](std::string_view step) {
      return step == "lake.commit" ? std::exchange(next_commit, fakes::Fate::kDone) : fakes::Fate::kDone;
    };
    return faults;
  }

  fakes::LakeState state_{{{std::string(kAppId), 10}, {std::string(kAppId) + "/epoch", 3}}};
  fakes::FakeLakeTable table_{state_, faults()};
  LakeLedger ledger_{table_, std::string(kAppId), Epoch{3}};
};

TEST(LakeLedger, ItsOwnEpochIsTakenAsItIs) {
  Ledger ledger;
  EXPECT_EQ(ledger->take_over()->value, 10);
  ASSERT_TRUE(ledger->commit(Seq{10}, Seq{20}, nullptr, {}, "{}").ok());
  EXPECT_EQ(ledger->take_over()->value, 20);
  EXPECT_EQ(ledger.versions(), 2u);
}

TEST(LakeLedger, WhatLandedWithoutAnAnswerIsCommittedBehindBeforeItCounts) {
  Ledger ledger;
  ASSERT_TRUE(ledger->take_over().ok());
  ledger.next_commit = fakes::Fate::kLostAnswer;
  ASSERT_EQ(ledger->commit(Seq{10}, Seq{20}, nullptr, {}, "{}").code(), StatusCode::kOutcomeUnknown);
  EXPECT_EQ(ledger.versions(), 2u);
  EXPECT_EQ(ledger->take_over()->value, 20);
  EXPECT_EQ(ledger.versions(), 3u) << "a commit behind it";
  EXPECT_EQ(ledger.position(), 20);
  EXPECT_EQ(ledger->take_over()->value, 20);
  EXPECT_EQ(ledger.versions(), 3u) << "once";
}

TEST(LakeLedger, ATakeOverWithoutAnAnswerIsRepeated) {
  Ledger ledger;
  ASSERT_TRUE(ledger->take_over().ok());
  ledger.next_commit = fakes::Fate::kLostRequest;
  ASSERT_EQ(ledger->commit(Seq{10}, Seq{20}, nullptr, {}, "{}").code(), StatusCode::kOutcomeUnknown);
  ledger.next_commit = fakes::Fate::kLostAnswer;
  EXPECT_EQ(ledger->take_over()->value, 10);
  EXPECT_EQ(ledger.versions(), 3u) << "one whose answer was lost, one behind it";
}

}  // namespace
}  // namespace weir::pipeline
