#include "nats/subject_match.h"

#include <gtest/gtest.h>

#include "nats/event_filter.h"

namespace weir::nats {
namespace {

TEST(SubjectMatch, AStarIsOneTokenAndAGreaterSignOneOrMore) {
  EXPECT_TRUE(subject_matches("flights.>", "flights.JFK"));
  EXPECT_TRUE(subject_matches("flights.>", "flights.JFK.BOS"));
  EXPECT_FALSE(subject_matches("flights.>", "flights"));
  EXPECT_TRUE(subject_matches("flights.*", "flights.JFK"));
  EXPECT_FALSE(subject_matches("flights.*", "flights.JFK.BOS"));
  EXPECT_TRUE(subject_matches("*.JFK.*", "flights.JFK.BOS"));
  EXPECT_TRUE(subject_matches(">", "anything"));
  EXPECT_FALSE(subject_matches("flights", "flight"));
  EXPECT_FALSE(subject_matches("flights.JFK", "flights"));
}

TEST(SubjectMatch, OnlyWellFormedPatternsAreValid) {
  for (const char* good : {"a", "a.b", "a.*", "a.>", ">", "*", "a.*.c"}) EXPECT_TRUE(is_valid_pattern(good)) << good;
  for (const char* bad : {"", ".", "a.", ".a", "a..b", "a.>.b", "a b", "a\tb", "a\n"})
    EXPECT_FALSE(is_valid_pattern(bad)) << bad;
}

TEST(SubjectMatch, ASubsetMatchesNothingThatTheWiderOneDoesNot) {
  EXPECT_TRUE(is_subset("flights.JFK", "flights.>"));
  EXPECT_TRUE(is_subset("flights.*", "flights.>"));
  EXPECT_TRUE(is_subset("flights.>", "flights.>"));
  EXPECT_FALSE(is_subset("flights.>", "flights.*"));
  EXPECT_FALSE(is_subset("flights.*", "flights.JFK"));
  EXPECT_FALSE(is_subset("weather.>", "flights.>"));
}

TEST(SubjectMatch, OverlapIsSymmetric) {
  EXPECT_TRUE(overlaps("a.*", "*.b"));
  EXPECT_TRUE(overlaps("*.b", "a.*"));
  EXPECT_TRUE(overlaps("a.>", "a.b.c"));
  EXPECT_FALSE(overlaps("a.*", "b.*"));
  EXPECT_FALSE(overlaps("a", "a.b"));
}

TEST(SubjectMatch, SubsetsAreLeftOut) {
  const std::vector<std::string> patterns = {"a.b", "a.>", "c", "c", "a.*"};
  EXPECT_EQ(without_subsets(patterns), (std::vector<std::string>{"a.>", "c"}));
}

TEST(EventFilter, AsksTheServerForTheSubjectsWithoutOverlap) {
  EXPECT_EQ(EventFilter({"a.>", "a.b", "c"}, 0, 1).server_filters(), (std::vector<std::string>{"a.>", "c"}));
}

TEST(EventFilter, AsksForEverythingAndFiltersItselfWhenPatternsCross) {
  const EventFilter filter({"a.*", "*.b"}, 0, 1);
  EXPECT_TRUE(filter.server_filters().empty());
  EXPECT_TRUE(filter.wants("a.x"));
  EXPECT_TRUE(filter.wants("x.b"));
  EXPECT_FALSE(filter.wants("x.y"));
}

TEST(EventFilter, EverySubjectBelongsToExactlyOneShard) {
  int wanted = 0;
  for (int i = 0; i < 1'000; ++i) {
    const std::string subject = "flights." + std::to_string(i);
    int here = 0;
    for (int shard = 0; shard < 4; ++shard) here += EventFilter({"flights.>"}, shard, 4).wants(subject) ? 1 : 0;
    EXPECT_EQ(here, 1);
    wanted += EventFilter({"flights.>"}, 0, 4).wants(subject) ? 1 : 0;
  }
  EXPECT_GT(wanted, 150);
  EXPECT_LT(wanted, 350);
}

TEST(EventFilter, TheShardOfASubjectIsFixedForEver) {
  // A change of these numbers would send events of existing tables to other shards.
  EXPECT_EQ(shard_of("flights.JFK", 1'000'000), 270'963u);
}

}  // namespace
}  // namespace weir::nats
