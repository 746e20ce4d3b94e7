#include "trino/publisher.h"

#include <gtest/gtest.h>

namespace weir::trino {
namespace {

TEST(Location, IsRelativeToTheLakesFolderOrWhole) {
  EXPECT_EQ(table_location("file:///var/lib/weir/lake", "flights"), "local:///flights");
  EXPECT_EQ(table_location("s3://bucket/prefix", "_dead_letters"), "s3://bucket/prefix/_dead_letters");
}

TEST(Ownership, NeedsAMarkThatFitsTheQuery) {
  const std::string query = "SELECT a\nFROM\n  t\nWHERE (_seq > 5)";
  const std::string comment = with_mark("rows", {digest_of_stored(query), digest_of_sent("x", "476")});
  EXPECT_TRUE(is_ours(query, comment));
  EXPECT_TRUE(is_ours("SELECT a\nFROM\n  t\nWHERE (_seq > 77)", comment));
  EXPECT_FALSE(is_ours("SELECT a, b\nFROM\n  t\nWHERE (_seq > 5)", comment));
  EXPECT_FALSE(is_ours(query, "rows; kept by weir"));
  EXPECT_FALSE(is_ours(query, ""));
}

TEST(Publisher, SaysThatNobodyAnswersAndTouchesNothing) {
  const auto client = Client::open({.url = "http://127.0.0.1:1"});
  ASSERT_TRUE(client.ok());
  Publisher publisher(**client, system_clock(), {.names = {}, .lake_url = "file:///lake"});
  EXPECT_EQ(publisher.publish({}, {}).status().code(), StatusCode::kUnavailable);
}

}  // namespace
}  // namespace weir::trino
