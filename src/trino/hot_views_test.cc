#include "trino/hot_views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "trino/view_text.h"

namespace weir::trino {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

Plan plan_of(std::string table, std::vector<std::string> columns = {"a"}) {
  Plan plan{.table = std::move(table)};
  for (std::string& name : columns) plan.rows.push_back({.name = std::move(name), .type = {.kind = TypeKind::kInt64}});
  return plan;
}

// Keeps views by name, as ClickHouse would.
class FakeClickHouse : public ClickHouseStatements {
 public:
  Status execute(const std::string& sql) override {
    if (!failure.ok()) return failure;
    constexpr std::string_view kCreate = "CREATE OR REPLACE VIEW `weir_trino`.`";
    constexpr std::string_view kDrop = "DROP VIEW IF EXISTS `weir_trino`.`";
    if (sql.starts_with(kCreate)) {
      const size_t comment = sql.rfind("COMMENT '") + 9;
      views[sql.substr(kCreate.size(), sql.find('`', kCreate.size()) - kCreate.size())] =
          sql.substr(comment, sql.size() - comment - 1);
      ++created;
    } else if (sql.starts_with(kDrop)) {
      views.erase(sql.substr(kDrop.size(), sql.size() - kDrop.size() - 1));
    }
    return ok_status();
  }

  Result<std::vector<std::vector<std::string>>> query(const std::string& sql) override {
    if (!failure.ok()) return failure;
    const size_t prefix = sql.find("startsWith(name, '") + 18;
    const std::string wanted = sql.substr(prefix, sql.rfind('\'') - prefix);
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, comment] : views) {
      if (name.starts_with(wanted)) rows.push_back({name, comment});
    }
    return rows;
  }

  [[nodiscard]] std::vector<std::string> names() const {
    std::vector<std::string> all;
    for (const auto& [name, comment] : views) all.push_back(name);
    return all;
  }

  std::map<std::string, std::string> views;
  int created = 0;
  Status failure;
};

TEST(HotViews, AreMadeOnceForEachHotStart) {
  FakeClickHouse clickhouse;
  HotViews views({}, clickhouse);
  ASSERT_TRUE(views.ensure(plan_of("t"), 5).ok());
  ASSERT_TRUE(views.ensure(plan_of("t"), 5).ok());
  EXPECT_EQ(clickhouse.created, 1);
  ASSERT_TRUE(views.ensure(plan_of("t"), 9).ok());
  EXPECT_THAT(clickhouse.names(), ElementsAre("t_h5", "t_h9"));
}

TEST(HotViews, AreMadeAgainForOtherColumns) {
  FakeClickHouse clickhouse;
  HotViews views({}, clickhouse);
  ASSERT_TRUE(views.ensure(plan_of("t"), 5).ok());
  ASSERT_TRUE(views.ensure(plan_of("t", {"a", "b"}), 5).ok());
  EXPECT_EQ(clickhouse.created, 2);
  EXPECT_EQ(clickhouse.views["t_h5"], hot_view_comment({}, plan_of("t", {"a", "b"})));
}

TEST(HotViews, OfAnOlderHotStartGoAndDoNotComeBack) {
  FakeClickHouse clickhouse;
  HotViews views({}, clickhouse);
  ASSERT_TRUE(views.ensure(plan_of("t"), 5).ok());
  ASSERT_TRUE(views.ensure(plan_of("t_h5"), 6).ok());
  ASSERT_TRUE(views.revoke("t", 9).ok());
  EXPECT_THAT(clickhouse.names(), ElementsAre("t_h5_h6"));
  // A publisher that decided before the move.
  EXPECT_EQ(views.ensure(plan_of("t"), 5).code(), StatusCode::kConflict);
  EXPECT_THAT(clickhouse.names(), ElementsAre("t_h5_h6"));
  ASSERT_TRUE(views.ensure(plan_of("t"), 9).ok());
  ASSERT_TRUE(views.revoke("t", 9).ok());
  EXPECT_THAT(clickhouse.names(), ElementsAre("t_h5_h6", "t_h9"));
}

TEST(HotViews, ARevocationThatFailedStillKeepsThemFromBeingMade) {
  FakeClickHouse clickhouse;
  HotViews views({}, clickhouse);
  clickhouse.failure = unavailable("down");
  EXPECT_EQ(views.revoke("t", 9).code(), StatusCode::kUnavailable);
  clickhouse.failure = ok_status();
  EXPECT_EQ(views.ensure(plan_of("t"), 5).code(), StatusCode::kConflict);
  EXPECT_THAT(clickhouse.names(), IsEmpty());
}

}  // namespace
}  // namespace weir::trino
