#include "trino/view_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trino/view_digest.h"

namespace weir::trino {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int64_t kNoonUs = 1'767'268'800'000'000;  // 2026-01-01 12:00:00 UTC

Plan small_plan() {
  Plan plan{.table = "orders"};
  plan.rows = {{.name = "at", .type = {.kind = TypeKind::kTimestamp}, .nullable = true}};
  return plan;
}

ViewContent hot_cold(int64_t w, int64_t hot_start) {
  return {.kind = ViewKind::kHotCold, .w = w, .lake_version = 3, .hot_start = hot_start};
}

constexpr std::string_view kColumns = R"("at", "_shard", "_seq", "_row", "_time", "_subject")";

TEST(TableView, OfTheLakeAloneNamesEveryColumnAndNothingElse) {
  EXPECT_EQ(table_view_query({}, small_plan(), {}),
            "SELECT " + std::string(kColumns) + R"( FROM "lake"."weir_lake"."orders")");
}

TEST(TableView, TakesTheLakeAtAVersionAndClickHouseAfterIt) {
  const std::string query = table_view_query({}, small_plan(), hot_cold(120, 7));
  const std::string lake = "SELECT " + std::string(kColumns) +
                           R"( FROM "lake"."weir_lake"."orders" FOR VERSION AS OF 3)";
  const std::string hot =
      R"( UNION ALL SELECT CAST("at" AS timestamp(3) with time zone) AS "at", "_shard", "_seq", "_row", )"
      R"(CAST("_time" AS timestamp(3) with time zone) AS "_time", "_subject" FROM "clickhouse"."weir_trino"."orders_h7" )"
      R"(WHERE "_shard" = 0 AND "_seq" > 120 UNION ALL )";
  const std::string guard =
      "SELECT CAST(fail('weir: this view cannot be read now: it is too old, or the time zone is not UTC') AS timestamp(3) "
      "with time zone) AS \"at\", ";
  EXPECT_TRUE(query.starts_with(lake + hot + guard)) << query;
  EXPECT_THAT(query, HasSubstr("FROM (VALUES 1) WHERE IF(current_timezone() IN ('UTC', 'Etc/UTC'), false, CAST(fail("));
  EXPECT_THAT(query, Not(HasSubstr("current_timestamp")));
}

TEST(TableView, FailsOnceClickHouseMayHaveDroppedRows) {
  ViewContent content = hot_cold(120, 7);
  content.valid_until_us = kNoonUs;
  EXPECT_THAT(table_view_query({}, small_plan(), content),
              HasSubstr("IF(current_timestamp < TIMESTAMP '2026-01-01 12:00:00.000 UTC', false, CAST(fail('weir: this "
                        "view is too old"));
}

TEST(DeadLetterView, ShowsThoseThatCount) {
  const std::string query = dead_letter_view_query(
      {}, {{.table = "a", .lake_position = 5}, {.table = "b", .lake_position = 0, .unfinished_files = {{-3, 40}}}});
  EXPECT_TRUE(query.ends_with(
      R"( FROM "lake"."weir_lake"."dead_letters" WHERE ("table" = 'a' AND (("_shard" = 0 AND "_seq" <= 5) OR ("_shard" < 0))) )"
      R"(OR ("table" = 'b' AND (("_shard" = 0 AND "_seq" <= 0) OR ("_shard" < 0 AND NOT ("_shard" = -3 AND "_seq" > 40)))))"))
      << query;
  EXPECT_TRUE(dead_letter_view_query({}, {}).ends_with("WHERE false"));
}

TEST(StatusView, SaysWhatIsPublishedOfEachTable) {
  StatusRow row{.table = "orders",
                .published = true,
                .content = hot_cold(120, 7),
                .lake_position = 125,
                .lake_time_us = kNoonUs,
                .hot_position = 130,
                .hot_mode = "live",
                .stream_last_seq = 131};
  const std::string query = status_view_query({row, {.table = "other", .hot_mode = "none"}}, kNoonUs);
  EXPECT_THAT(query, HasSubstr("(CAST('orders' AS varchar), 0, CAST('lake and ClickHouse' AS varchar), CAST(120 AS bigint), "
                               "CAST(125 AS bigint), TIMESTAMP '2026-01-01 12:00:00.000 UTC', CAST(130 AS bigint), "
                               "CAST('live' AS varchar), CAST(131 AS bigint), CAST(6 AS bigint))"));
  EXPECT_THAT(query, HasSubstr("(CAST('other' AS varchar), 0, CAST('nothing yet' AS varchar), CAST(NULL AS bigint), "
                               "CAST(0 AS bigint), CAST(NULL AS timestamp(3) with time zone)"));
}

TEST(ViewText, ViewsHaveTheRightsOfWhoAsks) {
  EXPECT_EQ(create_view_sql("\"a\".\"b\".\"c\"", "it's", "SELECT 1"),
            "CREATE OR REPLACE VIEW \"a\".\"b\".\"c\" COMMENT 'it''s' SECURITY INVOKER AS SELECT 1");
}

TEST(ViewText, CommentsSayWhereRowsComeFrom) {
  EXPECT_EQ(comment_text(hot_cold(120, 7), ""),
            "rows up to _seq 120 from the lake, newer ones from ClickHouse; kept by weir");
  EXPECT_EQ(comment_text({}, "ClickHouse is detached"), "all rows from the lake: ClickHouse is detached; kept by weir");
  EXPECT_EQ(comment_text({}, ""), "all rows from the lake; kept by weir");
}

TEST(Mask, LeavesNamesAndForgetsPositionsTimesAndHotStart) {
  EXPECT_EQ(masked("(_seq <= 120) x1.a2 \"t_h12\" t_h12\n"), "(_seq <= #) x1.a2 \"t_h#\" t_h#\n");
  EXPECT_EQ(masked("a_h1b 5c"), "a_h1b #c");
  EXPECT_EQ(masked("TIMESTAMP '2026-01-01 12:00:00.000 UTC'"), "TIMESTAMP '#-#-# #:#:#.# UTC'");
  const Plan plan = small_plan();
  EXPECT_EQ(masked(table_view_query({}, plan, hot_cold(9, 0))), masked(table_view_query({}, plan, hot_cold(1'000, 77))));
  EXPECT_NE(masked(table_view_query({}, plan, hot_cold(9, 0))), masked(table_view_query({}, plan, {})));
}

TEST(Mark, IsReadBackFromTheEndOfAComment) {
  const ViewMark mark{digest_of_stored("SELECT 1"), digest_of_sent("SELECT 1", "476")};
  EXPECT_EQ(mark_of(with_mark("rows; kept by weir", mark)), mark);
  EXPECT_EQ(digest_of_stored("SELECT 1"), digest_of_stored("SELECT 2"));
  EXPECT_NE(digest_of_sent("SELECT 1", "476"), digest_of_sent("SELECT 1", "477"));
  for (const char* comment : {"", "my view", "x weir-view:", "x weir-view:123.456"}) EXPECT_FALSE(mark_of(comment));
}

}  // namespace
}  // namespace weir::trino
