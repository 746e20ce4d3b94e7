#include "lake/lake_layout.h"
#include "ports/lake_table.h"

#include <gtest/gtest.h>

namespace weir::lake {
namespace {

TEST(LakeLayout, ATableIsAFolderOfTheLakeWithOrWithoutASlashAtTheEnd) {
  EXPECT_EQ(table_url("file:///var/lake", "flights"), "file:///var/lake/flights");
  EXPECT_EQ(table_url("s3://bucket/lake/", "flights"), "s3://bucket/lake/flights");
}

TEST(LakeLayout, ThePositionOfAShardIsOneApplicationTransaction) {
  EXPECT_EQ(position_app_id("flights", 3), "weir/flights/3");
}

TEST(LakeLayout, NumbersInPathsSortAsNumbers) {
  EXPECT_EQ(padded(42), "00000000000000000042");
  EXPECT_LT(padded(99), padded(100));
}

TEST(LakeLayout, EveryStreamNameIsOneFolderOfItsOwn) {
  EXPECT_EQ(path_segment("FLIGHTS-2_a"), "FLIGHTS-2_a");
  EXPECT_EQ(path_segment("a/../b"), "a=2F=2E=2E=2Fb");
  EXPECT_NE(path_segment("a=2F"), path_segment("a/"));
  EXPECT_EQ(incarnation_folder("über"), "_weir/incarnations/=C3=BCber");
}

}  // namespace
}  // namespace weir::lake
