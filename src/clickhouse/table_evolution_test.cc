#include "clickhouse/table_evolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clickhouse/ddl.h"

namespace weir::clickhouse {
namespace {

using testing::ElementsAre;

bool holds(const char* wide, const char* narrow) {
  return holds_all(parse_native_type(wide).value(), parse_native_type(narrow).value());
}

Plan small_plan() {
  Plan plan;
  plan.table = "t";
  plan.rows = {{"a", {.kind = TypeKind::kUInt8}, false}, {"b", {.kind = TypeKind::kString}, false}};
  return plan;
}

// The table that was made for `plan`, as the server describes it.
TableState table_of(const Plan& plan) {
  TableState state;
  state.comment = table_comment(plan, {.pipeline = "p"});
  const auto columns = table_columns(plan).value();
  for (const BlockColumn& column : columns) {
    state.columns.push_back({column.name, column.type_text, ""});
  }
  return state;
}

std::vector<std::string> statements(const Plan& plan, const TableState& state) {
  std::vector<std::string> sql;
  const auto steps = steps_to("d", plan, state).value();
  for (const TableStep& step : steps) sql.push_back(step.sql);
  return sql;
}

TEST(HoldsAll, ATypeHoldsItselfItselfNullableAndTheUnsignedIntegerOfItsDeltaType) {
  EXPECT_TRUE(holds("String", "String"));
  EXPECT_TRUE(holds("Nullable(String)", "String"));
  EXPECT_TRUE(holds("Int16", "UInt8"));
  EXPECT_TRUE(holds("Nullable(Int64)", "UInt32"));
  EXPECT_FALSE(holds("String", "Nullable(String)"));
  EXPECT_FALSE(holds("UInt8", "Int16"));
  EXPECT_FALSE(holds("Int64", "UInt8"));
  EXPECT_FALSE(holds("Decimal(12, 2)", "Decimal(10, 2)"));
}

TEST(StepsTo, AddsNullableColumnsAndMakesTypesHoldMore) {
  const TableState state = table_of(small_plan());
  Plan plan = small_plan();
  plan.rows[0] = {"a", {.kind = TypeKind::kInt16}, false};
  plan.rows[1].nullable = true;
  plan.rows.push_back({"c", {.kind = TypeKind::kFloat64}, true});
  EXPECT_THAT(statements(plan, state), ElementsAre("ALTER TABLE `d`.`t` MODIFY COLUMN `a` Int16",
                                                   "ALTER TABLE `d`.`t` MODIFY COLUMN `b` Nullable(String)",
                                                   "ALTER TABLE `d`.`t` ADD COLUMN IF NOT EXISTS `c` Nullable(Float64)"));
}

TEST(StepsTo, AreNoneForATableThatAlreadyHoldsMore) {
  Plan wide = small_plan();
  wide.rows[0] = {"a", {.kind = TypeKind::kInt16}, true};
  wide.rows.push_back({"c", {.kind = TypeKind::kFloat64}, true});
  EXPECT_THAT(statements(small_plan(), table_of(wide)), ElementsAre());
}

TEST(StepsTo, LeaveAloneWhatSomebodyTookAwayFromTheTableOfThisVeryPlan) {
  Plan plan = small_plan();
  plan.rows[1].nullable = true;
  TableState state = table_of(plan);
  state.columns[1].name = "renamed";
  EXPECT_THAT(statements(plan, state), ElementsAre());
}

TEST(StepsTo, LeaveAloneWhatCannotBeDoneInPlace) {
  const TableState state = table_of(small_plan());
  Plan plan = small_plan();
  plan.rows[0] = {"a", {.kind = TypeKind::kString}, false};
  plan.rows.push_back({"needed", {.kind = TypeKind::kInt32}, false});
  EXPECT_THAT(statements(plan, state), ElementsAre());
}

}  // namespace
}  // namespace weir::clickhouse
