#include "lake/shard_positions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::lake {
namespace {

using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

const std::map<std::string, int64_t> kTxns{{"weir/t/0", 17},       {"weir/t/0/epoch", 4}, {"weir/t/-2", 900},
                                           {"weir/t/-2/epoch", 7}, {"weir/t/x", 1},       {"weir/t2/0", 5},
                                           {"weir/t2/0/epoch", 9}, {"weir/t/", 3},        {"weir/t/1x", 3}};

TEST(ShardPositions, AreThoseOfTheTablesShardsFilesIncluded) {
  EXPECT_THAT(shard_positions(kTxns, "t"), UnorderedElementsAre(Pair(0, Seq{17}), Pair(-2, Seq{900})));
  EXPECT_THAT(shard_positions(kTxns, "unknown"), IsEmpty());
}

TEST(ShardPositions, TheHighestEpochIsThatOfAnyShardOfThisTable) {
  EXPECT_EQ(highest_epoch(kTxns, "t"), Epoch{7});
  EXPECT_EQ(highest_epoch(kTxns, "unknown"), Epoch{0});
}

}  // namespace
}  // namespace weir::lake
