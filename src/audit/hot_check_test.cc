#include "audit/hot_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::audit {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SeqRange range(int64_t first, int64_t last) { return {Seq{first}, Seq{last}}; }

pipeline::HotPosition at(int64_t start, int64_t position) {
  return {.epoch = Epoch{1}, .hot_start = Seq{start}, .hot_position = Seq{position}, .in_flight = std::nullopt};
}

TEST(HotSegments, LiveRowsAreOwedAndHistoryIsNot) {
  EXPECT_THAT(hot_segments(0, Seq{100}, at(30, 90), {}, {}, {}),
              ElementsAre(HotSegment{.seqs = range(1, 30)}, HotSegment{.seqs = range(31, 90), .required = true}));
}

TEST(HotSegments, AFinishedBackfillMakesHistoryOwed) {
  EXPECT_THAT(hot_segments(0, Seq{100}, at(30, 90), Seq{30}, {}, {}),
              ElementsAre(HotSegment{.seqs = range(1, 30), .required = true},
                          HotSegment{.seqs = range(31, 90), .required = true}));
  // It reached further than where the live path began.
  EXPECT_THAT(hot_segments(0, Seq{100}, at(30, 90), Seq{60}, {}, {}),
              ElementsAre(HotSegment{.seqs = range(1, 60), .required = true},
                          HotSegment{.seqs = range(61, 90), .required = true}));
}

TEST(HotSegments, NothingIsOwedAboveTheLake) {
  EXPECT_THAT(hot_segments(0, Seq{50}, at(0, 90), Seq{70}, {}, {}),
              ElementsAre(HotSegment{.seqs = range(1, 50), .required = true}));
}

TEST(HotSegments, WithoutAPositionRowsMayBeThereAndNeedNot) {
  EXPECT_THAT(hot_segments(0, Seq{50}, {}, {}, {}, {}), ElementsAre(HotSegment{.seqs = range(1, 50)}));
  pipeline::HotPosition provisional = at(0, 40);
  provisional.provisional = true;
  EXPECT_THAT(hot_segments(0, Seq{50}, provisional, {}, {}, {}), ElementsAre(HotSegment{.seqs = range(1, 50)}));
  EXPECT_THAT(hot_segments(0, Seq{0}, {}, {}, {}, {}), IsEmpty());
}

TEST(HotSegments, FilesAreOwedOnlyWhereABackfillBroughtThem) {
  EXPECT_THAT(hot_segments(-1, Seq{10}, {}, {}, {}, {}), ElementsAre(HotSegment{.seqs = range(1, 10)}));
  EXPECT_THAT(hot_segments(-1, Seq{10}, {}, Seq{10}, {}, {}),
              ElementsAre(HotSegment{.seqs = range(1, 10), .required = true}));
}

TEST(HotSegments, RowsThatMayHaveExpiredAreNotOwed) {
  EXPECT_THAT(hot_segments(0, Seq{100}, at(30, 90), Seq{30}, 500, 400),
              ElementsAre(HotSegment{.seqs = range(1, 30), .required = true, .required_from_us = 500},
                          HotSegment{.seqs = range(31, 90), .required = true, .required_from_us = 400}));
}

TEST(ExpiryCutoff, KeepsADayOrAQuarterAwayFromTheRetention) {
  using std::chrono::hours;
  constexpr int64_t kHour = 3'600'000'000;
  EXPECT_EQ(expiry_cutoff(1'000 * kHour, hours(240)), (1'000 - 240 + 24) * kHour);
  EXPECT_EQ(expiry_cutoff(1'000 * kHour, hours(4)), (1'000 - 4 + 1) * kHour);
}

TEST(ShardBooksTest, ComeFromTheTablesTransactions) {
  const auto shards = shard_books({{"weir/t/0", 90},
                                   {"weir/t/0/epoch", 3},
                                   {"weir/t/0/events", 88},
                                   {"weir/t/0/filtered", 8},
                                   {"weir/t/0/rejects", 5},
                                   {"weir/t/-1", 40},
                                   {"weir/t/erasures", 1},
                                   {"weir/other/0", 7}},
                                  "t");
  ASSERT_EQ(shards.size(), 2u);
  EXPECT_EQ(shards.at(0).position, Seq{90});
  EXPECT_EQ(shards.at(0).rows, 75);
  EXPECT_EQ(shards.at(0).rejects, 5);
  EXPECT_EQ(shards.at(-1).position, Seq{40});
}

}  // namespace
}  // namespace weir::audit
