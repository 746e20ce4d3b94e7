#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "ports/key_value.h"

namespace weir::contract {

/// What ports/key_value.h promises. A Backend is one empty bucket for one test:
///   static void start(), stop()         what all tests of the suite share
///   std::unique_ptr<KeyValue> open()    the bucket as one more process sees it; lives as long as the Backend
template <class Backend>
class KeyValueContract : public testing::Test {
 protected:
  static void SetUpTestSuite() { Backend::start(); }
  static void TearDownTestSuite() { Backend::stop(); }

  KeyValueContract() : ours_(backend_.open()), theirs_(backend_.open()) {}

  /// Writes and returns the new revision; 0, and a failed test, when it was not written.
  uint64_t put(std::string_view key, std::string_view value, uint64_t expected) {
    const auto revision = ours_->put(key, value, expected);
    EXPECT_TRUE(revision.ok()) << revision.status().to_string();
    return revision.ok() ? *revision : 0;
  }

  void expect_conflict(std::string_view key, uint64_t expected) {
    const auto before = ours_->get(key);
    const auto revision = theirs_->put(key, "never", expected);
    EXPECT_EQ(revision.status().code(), StatusCode::kConflict) << revision.status().to_string();
    const auto after = ours_->get(key);
    ASSERT_EQ(after.status().code(), before.status().code());
    if (!before.ok()) return;
    EXPECT_EQ(after->value, before->value);
    EXPECT_EQ(after->revision, before->revision);
  }

  Backend backend_;
  std::unique_ptr<KeyValue> ours_;
  std::unique_ptr<KeyValue> theirs_;
};

TYPED_TEST_SUITE_P(KeyValueContract);

TYPED_TEST_P(KeyValueContract, AKeyWithoutValueIsNotFound) {
  EXPECT_EQ(this->ours_->get("lease/S/0").status().code(), StatusCode::kNotFound);
  this->put("lease/S/1", "other", 0);
  EXPECT_EQ(this->ours_->get("lease/S/0").status().code(), StatusCode::kNotFound);
}

TYPED_TEST_P(KeyValueContract, ExpectingNoValueCreatesAKeyOnce) {
  const uint64_t revision = this->put("lease/S/0", "one", 0);
  EXPECT_GT(revision, 0U);
  this->expect_conflict("lease/S/0", 0);
}

TYPED_TEST_P(KeyValueContract, WhatOneWritesAnotherReadsWithItsRevision) {
  const uint64_t revision = this->put("hot/t/0", "one", 0);
  const auto entry = this->theirs_->get("hot/t/0");
  ASSERT_TRUE(entry.ok()) << entry.status().to_string();
  EXPECT_EQ(entry->value, "one");
  EXPECT_EQ(entry->revision, revision);
}

TYPED_TEST_P(KeyValueContract, TheCurrentRevisionReplacesTheValueAndGrows) {
  const uint64_t first = this->put("hot/t/0", "one", 0);
  const uint64_t second = this->put("hot/t/0", "two", first);
  EXPECT_GT(second, first);
  EXPECT_EQ(this->theirs_->get("hot/t/0")->value, "two");
  EXPECT_EQ(this->theirs_->get("hot/t/0")->revision, second);
}

TYPED_TEST_P(KeyValueContract, AStaleRevisionIsAConflictAndChangesNothing) {
  const uint64_t first = this->put("hot/t/0", "one", 0);
  const uint64_t second = this->put("hot/t/0", "two", first);
  this->expect_conflict("hot/t/0", first);
  this->expect_conflict("hot/t/0", second + 1);
}

TYPED_TEST_P(KeyValueContract, TheSameWriteAgainIsAConflictThoughTheValueIsThere) {
  const uint64_t first = this->put("hot/t/0", "one", 0);
  this->put("hot/t/0", "two", first);
  EXPECT_EQ(this->ours_->put("hot/t/0", "two", first).status().code(), StatusCode::kConflict);
}

TYPED_TEST_P(KeyValueContract, ARevisionExpectedOfAKeyWithoutValueIsAConflict) {
  const uint64_t other = this->put("hot/t/0", "one", 0);
  this->expect_conflict("hot/t/1", other);
  this->expect_conflict("hot/t/1", 1'000);
}

TYPED_TEST_P(KeyValueContract, RevisionsGrowWithEveryWriteToTheBucketAndKeysStayApart) {
  const uint64_t a = this->put("a", "1", 0);
  const uint64_t b = this->put("b", "1", 0);
  EXPECT_GT(b, a);
  EXPECT_GT(this->put("a", "2", a), b);
  EXPECT_EQ(this->ours_->get("b")->revision, b);
  EXPECT_EQ(this->ours_->get("b")->value, "1");
}

TYPED_TEST_P(KeyValueContract, EmptyAndBinaryValuesComeBackAsTheyWent) {
  const std::string binary("\0\xff\r\n\x01", 5);
  const uint64_t revision = this->put("a", "", 0);
  EXPECT_EQ(this->theirs_->get("a")->value, "");
  this->put("a", binary, revision);
  EXPECT_EQ(this->theirs_->get("a")->value, binary);
}

TYPED_TEST_P(KeyValueContract, EveryLegalCharacterOfAKeyIsItsOwn) {
  const std::vector<std::string> keys = {"a-b", "a_b", "a=b", "a/b", "a.b", "A.b", "a1"};
  for (const std::string& key : keys) this->put(key, key, 0);
  for (const std::string& key : keys) EXPECT_EQ(this->theirs_->get(key)->value, key);
}

REGISTER_TYPED_TEST_SUITE_P(KeyValueContract, AKeyWithoutValueIsNotFound, ExpectingNoValueCreatesAKeyOnce,
                            WhatOneWritesAnotherReadsWithItsRevision, TheCurrentRevisionReplacesTheValueAndGrows,
                            AStaleRevisionIsAConflictAndChangesNothing,
                            TheSameWriteAgainIsAConflictThoughTheValueIsThere,
                            ARevisionExpectedOfAKeyWithoutValueIsAConflict,
                            RevisionsGrowWithEveryWriteToTheBucketAndKeysStayApart,
                            EmptyAndBinaryValuesComeBackAsTheyWent, EveryLegalCharacterOfAKeyIsItsOwn);

}  // namespace weir::contract
