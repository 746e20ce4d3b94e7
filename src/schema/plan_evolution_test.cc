#include "schema/plan_evolution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

InputColumn column(const std::string& name, const std::string& type, bool required = false) {
  return {.name = name,
          .type = *parse_column_type(type),
          .from = *parse_value_source("/" + name),
          .required = required};
}

Plan plan_of(std::vector<InputColumn> input) {
  Plan plan;
  plan.table = "t";
  plan.input = std::move(input);
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  return plan;
}

const Plan kCurrent = plan_of({column("id", "int64", true), column("size", "uint8"), column("name", "string", true)});

Result<Plan> evolve(std::vector<InputColumn> input, EvolutionRules rules = {.rebuild = "weir backfill"}) {
  return evolved_plan(kCurrent, plan_of(std::move(input)), rules);
}

std::string refusal(std::vector<InputColumn> input) {
  const auto evolved = evolve(std::move(input));
  EXPECT_EQ(evolved.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(evolved.status().message(), AllOf(HasSubstr("Put the old definition back"), HasSubstr("weir backfill")));
  return evolved.status().message();
}

TEST(EvolvedPlan, AnUnchangedPlanStaysWhatItIs) {
  const auto same = evolve(kCurrent.input);
  ASSERT_TRUE(same.ok()) << same.status().to_string();
  EXPECT_EQ(same->id(), kCurrent.id());
}

TEST(EvolvedPlan, ANewColumnIsNullableInTheStoresEvenWhenEachNewEventHasAValue) {
  InputColumn with_default = column("grade", "int32");
  with_default.default_json = "0";
  const auto evolved = evolve({column("id", "int64", true), column("size", "uint8"), column("name", "string", true),
                               column("extra", "json"), column("must", "bool", true), with_default});
  ASSERT_TRUE(evolved.ok()) << evolved.status().to_string();
  EXPECT_EQ(evolved->rows[3], (RowColumn{"extra", *parse_column_type("json"), true}));
  EXPECT_EQ(evolved->rows[4], (RowColumn{"must", *parse_column_type("bool"), true}));
  EXPECT_EQ(evolved->rows[5], (RowColumn{"grade", *parse_column_type("int32"), true}));
  EXPECT_TRUE(evolved->input[4].required) << "the decoder goes on to demand it";
}

TEST(EvolvedPlan, AColumnThatWasOnceNullableStaysSo) {
  const auto evolved = evolve({column("id", "int64"), column("size", "uint8", true), column("name", "string", true)});
  ASSERT_TRUE(evolved.ok()) << evolved.status().to_string();
  EXPECT_TRUE(evolved->rows[0].nullable) << "required was dropped";
  EXPECT_TRUE(evolved->rows[1].nullable) << "required was added, but rows from before may hold NULL";
  EXPECT_FALSE(evolved->rows[2].nullable);
}

TEST(EvolvedPlan, AnIntegerWidensWhereTheLakesTypeStays) {
  const auto wider = evolve({column("id", "int64", true), column("size", "int16"), column("name", "string", true)});
  ASSERT_TRUE(wider.ok()) << wider.status().to_string();
  EXPECT_EQ(wider->rows[1].type.kind, TypeKind::kInt16);
  EXPECT_THAT(refusal({column("id", "int64", true), column("size", "int32"), column("name", "string", true)}),
              HasSubstr("column \"size\": the table has uint8, the file int32"));
}

TEST(EvolvedPlan, ADroppedOrRenamedColumnIsRefusedByName) {
  EXPECT_THAT(refusal({column("id", "int64", true), column("length", "uint8"), column("name", "string", true)}),
              HasSubstr("column \"size\": the table has uint8, the file none of that name"));
}

TEST(EvolvedPlan, AnotherTypeIsRefusedWithBothTypes) {
  EXPECT_THAT(refusal({column("id", "string", true), column("size", "uint8"), column("name", "uuid", true)}),
              AllOf(HasSubstr("column \"id\": the table has int64 NOT NULL, the file string NOT NULL"),
                    HasSubstr("column \"name\": the table has string NOT NULL, the file uuid NOT NULL")));
}

TEST(EvolvedPlan, ANewListIsRefusedBecauseOldRowsHaveNone) {
  InputColumn tags = column("tags", "list<string>");
  tags.default_json = "[]";
  EXPECT_THAT(
      refusal({column("id", "int64", true), column("size", "uint8"), column("name", "string", true), tags}),
      HasSubstr("column \"tags\" is new"));
}

TEST(EvolvedPlan, KeysAreFixed) {
  Plan keyed = kCurrent;
  keyed.partition_by = {"name"};
  keyed.order_by = {"id"};
  const auto evolved = evolved_plan(kCurrent, keyed, {});
  EXPECT_THAT(evolved.status().message(), AllOf(HasSubstr("partition_by: the table has nothing, the file name"),
                                                HasSubstr("order_by: the table has nothing, the file id")));
  Plan current = plan_of({column("size", "uint8", true)});
  current.order_by = {"size"};
  Plan wider = plan_of({column("size", "int16", true)});
  wider.order_by = {"size"};
  EXPECT_THAT(evolved_plan(current, wider, {}).status().message(), HasSubstr("ClickHouse cannot change a column"));
}

TEST(EvolvedPlan, AnOlderFileMayLeaveNullableColumnsOut) {
  const auto older = evolve({column("id", "int64", true), column("name", "string", true)}, {.may_leave_out = true});
  ASSERT_TRUE(older.ok()) << older.status().to_string();
  EXPECT_EQ(older->rows.size(), 2U);
  EXPECT_FALSE(evolve({column("id", "int64", true)}, {.may_leave_out = true}).ok()) << "name cannot be NULL";
}

TEST(ColumnOfField, IsNullableAndReadsTheFieldOfItsName) {
  const auto found = column_of_field(kCurrent, "color", TypeKind::kString);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found->from.text, "/color");
  EXPECT_FALSE(found->required || found->default_json);
}

TEST(ColumnOfField, RefusesNamesThatNoColumnMayHaveOrThatAreTaken) {
  for (const char* name : {"Color", "with space", "_seq", "", "9a"}) {
    EXPECT_FALSE(column_of_field(kCurrent, name, TypeKind::kString).ok()) << name;
  }
  EXPECT_FALSE(column_of_field(kCurrent, "size", TypeKind::kString).ok());
  Plan computed = kCurrent;
  computed.rows.push_back({"day", *parse_column_type("date"), true});
  EXPECT_FALSE(column_of_field(computed, "day", TypeKind::kString).ok()) << "the SQL makes a column of that name";
}

TEST(ColumnsToKeep, AreThoseThatEventsBroughtAndOnlyWhereTheFileSaysAddColumn) {
  Plan file = kCurrent;
  Plan current = plan_of({column("id", "int64", true), column("size", "uint8"), column("name", "string", true),
                          column("color", "string"), column("gone", "date"), column("must", "int64", true)});
  EXPECT_THAT(columns_to_keep(file, current), IsEmpty());
  file.on_unknown_field = UnknownFields::kAddColumn;
  const auto kept = columns_to_keep(file, current);
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_EQ(kept[0].name, "color");
}

TEST(SameColumns, IgnoresOrderAndNullability) {
  const Plan other = plan_of({column("name", "string"), column("size", "uint8"), column("id", "int64")});
  EXPECT_TRUE(same_columns(kCurrent, other));
  EXPECT_FALSE(same_columns(kCurrent, plan_of({column("id", "int64")})));
}

}  // namespace
}  // namespace weir
