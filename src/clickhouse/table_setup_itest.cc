#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/ddl.h"
#include "clickhouse/table_evolution.h"
#include "clickhouse/table_setup.h"
#include "tests/support/clickhouse_server.h"

namespace weir::clickhouse {
namespace {

using testing::HasSubstr;

class TableSetup : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<test::ClickHouseServer>();
    client_ = Client::open(server_->options()).value();
  }
  static void TearDownTestSuite() {
    client_.reset();
    server_.reset();
  }

  void SetUp() override {
    static int number = 0;
    plan_.table = "t" + std::to_string(++number);
    plan_.rows = {{"carrier", {.kind = TypeKind::kString}, false},
                  {"price", {.kind = TypeKind::kDecimal, .precision = 10, .scale = 2}, true},
                  {"day", {.kind = TypeKind::kDate}, false},
                  {"tags", parse_column_type("list<struct<a:int64,b:string>>").value(), false}};
    plan_.partition_by = {"day"};
    plan_.order_by = {"carrier"};
  }

  Result<bool> ensure() { return ensure_table(*client_, plan_, options_); }
  std::string refusal() {
    const auto result = ensure();
    EXPECT_EQ(result.status().code(), StatusCode::kInvalidArgument) << result.status().to_string();
    return result.status().message();
  }
  void run(const std::string& sql) {
    const Status status = client_->execute({.sql = sql});
    ASSERT_TRUE(status.ok()) << status.to_string();
  }
  std::string name() const { return qualified("weir_test", plan_.table); }

  static std::unique_ptr<test::ClickHouseServer> server_;
  static std::unique_ptr<Client> client_;
  Plan plan_;
  TableOptions options_{.pipeline = "flights", .retention = std::chrono::hours(24 * 30)};
};
std::unique_ptr<test::ClickHouseServer> TableSetup::server_;
std::unique_ptr<Client> TableSetup::client_;

TEST_F(TableSetup, MakesATableOnceAndFindsItRightAfterwards) {
  const auto made = ensure();
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_TRUE(*made);
  const auto again = ensure();
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_FALSE(*again);
  const auto state = table_state(*client_, plan_.table).value();
  ASSERT_TRUE(state.has_value());
  EXPECT_EQ(state->sorting_key, "carrier, _shard, _seq, _row");
  EXPECT_THAT(state->engine_full, HasSubstr("TTL toDateTime(_time) + toIntervalSecond(2592000)"));
  EXPECT_THAT(state->engine_full, HasSubstr("fsync_after_insert = 1, fsync_part_directory = 1"));
}

TEST_F(TableSetup, NamesEachDifferenceWithTheAlterThatMendsIt) {
  ASSERT_TRUE(ensure().ok());
  run("ALTER TABLE " + name() + " DROP COLUMN price, MODIFY COLUMN tags Array(Tuple(a Int64, b Nullable(String)))");
  const std::string text = refusal();
  EXPECT_THAT(text, HasSubstr("column \"price\" is missing; to mend it: ALTER TABLE " + name() +
                              " ADD COLUMN `price` Nullable(Decimal(10,2))"));
  EXPECT_THAT(text, HasSubstr("column \"tags\" is Array(Tuple("));
  run("ALTER TABLE " + name() + " ADD COLUMN `price` Nullable(Decimal(10,2))");
  run("ALTER TABLE " + name() + " MODIFY COLUMN `tags` Array(Tuple(a Int64, b String))");
  EXPECT_TRUE(ensure().ok());
}

TEST_F(TableSetup, BringsATableOfAnotherPlanToThisOneInPlace) {
  plan_.rows.push_back({"size", {.kind = TypeKind::kUInt8}, false});
  ASSERT_TRUE(ensure().ok());
  run("INSERT INTO " + name() + " (carrier, day, tags, size, _shard, _seq, _row, _time, _subject) VALUES "
      "('AA', '2013-01-01', [], 200, 0, 1, 0, now64(6), 's')");
  plan_.rows.back() = {"size", {.kind = TypeKind::kInt16}, true};
  plan_.rows.push_back({"delay", {.kind = TypeKind::kInt32}, true});
  const auto grown = ensure();
  ASSERT_TRUE(grown.ok()) << grown.status().to_string();
  EXPECT_FALSE(*grown);
  EXPECT_EQ(client_->query_rows({.sql = "SELECT toTypeName(size), toString(size), toTypeName(delay), "
                                        "toString(delay IS NULL) FROM " + name()}).value(),
            (std::vector<TextRow>{{"Nullable(Int16)", "200", "Nullable(Int32)", "1"}}));
  EXPECT_THAT(table_state(*client_, plan_.table).value()->comment, HasSubstr(plan_.id()));
}

TEST_F(TableSetup, DoesNotGrowATableForAColumnThatRowsFromBeforeHaveNoValueFor) {
  ASSERT_TRUE(ensure().ok());
  plan_.rows.push_back({"needed", {.kind = TypeKind::kInt32}, false});
  EXPECT_THAT(refusal(), HasSubstr("column \"needed\" is missing"));
}

TEST_F(TableSetup, TakesRowsOfAnOlderPlanInATableThatGrewForANewerOne) {
  ASSERT_TRUE(ensure().ok());
  const Plan older = plan_;
  plan_.rows[0].nullable = false;
  plan_.rows[1].nullable = true;
  plan_.rows.push_back({"count", {.kind = TypeKind::kInt16}, true});
  ASSERT_TRUE(ensure().ok());
  plan_ = older;
  EXPECT_TRUE(ensure().ok()) << "the newer plan's column stays, NULL from now on";
  plan_.rows.push_back({"count", {.kind = TypeKind::kUInt8}, false});
  EXPECT_TRUE(ensure().ok()) << "a wider column takes the values";
}

TEST_F(TableSetup, EvolvingMakesNoTableAndTouchesNoOtherOwners) {
  EXPECT_TRUE(evolve_table(*client_, plan_, options_).ok());
  EXPECT_FALSE(table_state(*client_, plan_.table).value().has_value());
  ASSERT_TRUE(ensure().ok());
  plan_.rows.push_back({"delay", {.kind = TypeKind::kInt32}, true});
  TableOptions stranger = options_;
  stranger.pipeline = "other";
  EXPECT_TRUE(evolve_table(*client_, plan_, stranger).ok());
  EXPECT_EQ(table_state(*client_, plan_.table).value()->columns.size(), 4U + kSystemColumnCount);
  EXPECT_TRUE(evolve_table(*client_, plan_, options_).ok());
  EXPECT_EQ(table_state(*client_, plan_.table).value()->columns.size(), 5U + kSystemColumnCount);
}

TEST_F(TableSetup, LeavesColumnsOfTheUsersAloneWhenTheyHaveADefault) {
  ASSERT_TRUE(ensure().ok());
  run("ALTER TABLE " + name() + " ADD COLUMN note String DEFAULT 'none', ADD COLUMN maybe Nullable(Int8)");
  EXPECT_TRUE(ensure().ok());
  run("ALTER TABLE " + name() + " ADD COLUMN bare String");
  EXPECT_THAT(refusal(), HasSubstr("column \"bare\" is not of the plan and has no default"));
}

TEST_F(TableSetup, RefusesATableThatIsNotOurs) {
  run("CREATE DATABASE IF NOT EXISTS weir_test");
  run("CREATE TABLE " + name() + " (x Int8) ENGINE = MergeTree ORDER BY x");
  EXPECT_THAT(refusal(), HasSubstr("was not made by Weir"));
  run("DROP TABLE " + name() + " SYNC");
  ASSERT_TRUE(ensure().ok());
  options_.pipeline = "other";
  EXPECT_THAT(refusal(), HasSubstr("belongs to the pipeline \"flights\", not to \"other\""));
}

TEST_F(TableSetup, RefusesAnEngineItsProtocolDoesNotHoldOn) {
  run("CREATE DATABASE IF NOT EXISTS weir_test");
  run("CREATE TABLE " + name() + " (x Int8) ENGINE = Memory");
  EXPECT_THAT(refusal(), HasSubstr("has the engine Memory; Weir supports plain MergeTree"));
}

TEST_F(TableSetup, RefusesOtherKeysRetentionAndSettings) {
  ASSERT_TRUE(ensure().ok());
  run("ALTER TABLE " + name() + " RESET SETTING non_replicated_deduplication_window");
  options_.retention = std::chrono::hours(24);
  plan_.partition_by = {};
  const std::string text = refusal();
  EXPECT_THAT(text, HasSubstr("the partition key is (day), not ()"));
  EXPECT_THAT(text, HasSubstr("MODIFY TTL toDateTime(_time) + toIntervalSecond(86400)"));
  EXPECT_THAT(text, HasSubstr("MODIFY SETTING non_replicated_deduplication_window = 1000"));
  options_.retention = {};
  EXPECT_THAT(refusal(), HasSubstr("REMOVE TTL"));
}

TEST_F(TableSetup, ATableWithoutKeysOrRetentionIsSortedByIdentity) {
  plan_.partition_by = {};
  plan_.order_by = {};
  options_ = {.pipeline = "flights", .sync = false};
  const auto made = ensure();
  ASSERT_TRUE(made.ok()) << made.status().to_string();
  EXPECT_FALSE(*ensure());
  EXPECT_EQ(table_state(*client_, plan_.table).value()->sorting_key, "_shard, _seq, _row");
}

TEST_F(TableSetup, AnotherPlanWithTheSameColumnsTakesTheTableOver) {
  ASSERT_TRUE(ensure().ok());
  plan_.sql = "SELECT * FROM input WHERE carrier <> ''";
  EXPECT_FALSE(*ensure());
  EXPECT_THAT(table_state(*client_, plan_.table).value()->comment, HasSubstr(plan_.id()));
}

TEST_F(TableSetup, AUserThatMayNotCreateIsPermissionDenied) {
  Options options = server_->options();
  options.user = "reader";
  const auto client = Client::open(options).value();
  EXPECT_EQ(ensure_table(*client, plan_, options_).status().code(), StatusCode::kPermissionDenied);
}

TEST_F(TableSetup, ResultsForPeopleComeAsOneJsonObjectPerLine) {
  EXPECT_EQ(client_->query_json("SELECT number AS n FROM numbers(2)").value(), "{\"n\":0}\n{\"n\":1}\n");
}

}  // namespace
}  // namespace weir::clickhouse
