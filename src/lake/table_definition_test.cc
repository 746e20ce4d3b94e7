#include "lake/table_definition.h"

#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "lake/dead_letter_table.h"
#include "lake/delta_schema.h"

namespace weir::lake {
namespace {

using testing::HasSubstr;
using testing::Not;

Plan flights_plan() {
  Plan plan;
  plan.table = "flights";
  plan.rows = {
      {.name = "carrier", .type = *parse_column_type("string"), .nullable = false},
      {.name = "day", .type = *parse_column_type("date"), .nullable = false},
      {.name = "fare", .type = *parse_column_type("decimal(10,2)")},
      {.name = "stops", .type = *parse_column_type("list<struct<airport:string,minutes:uint16>>"), .nullable = false},
      {.name = "on_time", .type = *parse_column_type("bool"), .nullable = false}};
  plan.partition_by = {"day"};
  plan.order_by = {"carrier", "day", "on_time"};
  return plan;
}

// What delta-rs says of the table that was created for flights_plan().
constexpr const char* kSchema = R"json({"type": "struct", "fields": [
  {"name": "carrier", "type": "string", "nullable": false, "metadata": {}},
  {"name": "day", "type": "date", "nullable": false, "metadata": {}},
  {"name": "fare", "type": "decimal(10,2)", "nullable": true, "metadata": {}},
  {"name": "stops", "type": {"type": "array", "containsNull": false, "elementType": {"type": "struct", "fields": [
     {"name": "airport", "type": "string", "nullable": false, "metadata": {}},
     {"name": "minutes", "type": "integer", "nullable": false, "metadata": {}}]}}, "nullable": false, "metadata": {}},
  {"name": "on_time", "type": "boolean", "nullable": false, "metadata": {}},
  {"name": "_shard", "type": "integer", "nullable": false, "metadata": {}},
  {"name": "_seq", "type": "long", "nullable": false, "metadata": {}},
  {"name": "_row", "type": "integer", "nullable": false, "metadata": {}},
  {"name": "_time", "type": "timestamp", "nullable": false, "metadata": {}},
  {"name": "_subject", "type": "string", "nullable": false, "metadata": {}}]})json";

const TableOwner kOwner{.pipeline = "airline", .stream = "FLIGHTS", .shards = 2};

engine::TableDescription flights_in_the_lake() {
  const TableDefinition definition = rows_definition(flights_plan(), kOwner, Seq{1});
  engine::TableDescription there;
  there.schema_json = kSchema;
  there.partition_columns = definition.partition_by;
  there.properties = definition.properties;
  there.txns = {{"weir/flights/0", 17}, {"weir/flights/1", 20}};
  return there;
}

Status check(const engine::TableDescription& there) {
  return check_definition(rows_definition(flights_plan(), kOwner, Seq{1}), there);
}

TEST(RowsDefinition, KeepsStatisticsOnSystemAndSortColumnsThatCanHaveThem) {
  const TableDefinition definition = rows_definition(flights_plan(), kOwner, Seq{1});
  EXPECT_EQ(definition.properties.at("delta.dataSkippingStatsColumns"), "_shard,_seq,_row,_time,_subject,carrier");
  // Rows can be erased on request (docs/decisions/0009).
  EXPECT_FALSE(definition.properties.contains("delta.appendOnly"));
  EXPECT_FALSE(definition.properties.contains("delta.setTransactionRetentionDuration"));
}

TEST(RowsDefinition, KeepsNoStatisticsOfNumbersThatDeltaWouldRound) {
  Plan plan = flights_plan();
  for (const auto& [name, type] : {std::pair{"booking", "uint64"}, {"fare", "decimal(18,4)"}, {"tax", "decimal(15,2)"}}) {
    RowColumn column = plan.rows.front();
    column.name = name;
    column.type = *parse_column_type(type);
    plan.rows.push_back(column);
    plan.order_by.push_back(name);
  }
  const TableDefinition definition = rows_definition(plan, kOwner, Seq{1});
  EXPECT_EQ(definition.properties.at("delta.dataSkippingStatsColumns"), "_shard,_seq,_row,_time,_subject,carrier,tax");
}

TEST(RowsDefinition, StartsEveryShardBeforeItsFirstSequence) {
  const TableDefinition definition = rows_definition(flights_plan(), kOwner, Seq{101});
  ASSERT_EQ(definition.initial_txns.size(), 2U);
  EXPECT_EQ(definition.initial_txns[1].app_id, "weir/flights/1");
  EXPECT_EQ(definition.initial_txns[1].version, 100);
}

TEST(CheckDefinition, TheTableItWasCreatedAsIsAccepted) {
  const Status status = check(flights_in_the_lake());
  EXPECT_TRUE(status.ok()) << status.to_string();
}

TEST(CheckDefinition, AForeignOwnerIsRefusedWithBothNames) {
  auto there = flights_in_the_lake();
  there.properties["weir.pipeline"] = "railway";
  const Status status = check(there);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("\"railway\""));
  EXPECT_THAT(status.message(), HasSubstr("\"airline\""));
  EXPECT_THAT(status.message(), HasSubstr("lake.url of its own"));
}

TEST(CheckDefinition, ATableThatNobodyOwnsIsNotTaken) {
  auto there = flights_in_the_lake();
  there.properties.clear();
  EXPECT_THAT(check(there).message(), HasSubstr("pipeline: the table says nothing, the pipeline file \"airline\""));
}

TEST(CheckDefinition, EveryDifferenceIsListedAtOnce) {
  auto there = flights_in_the_lake();
  there.properties["weir.stream"] = "TRAINS";
  there.properties["weir.shards"] = "4";
  there.partition_columns = {};
  const Status status = check(there);
  EXPECT_THAT(status.message(), HasSubstr("stream: the table says \"TRAINS\", the pipeline file \"FLIGHTS\""));
  EXPECT_THAT(status.message(), HasSubstr("shards: the table says \"4\", the pipeline file \"2\""));
  EXPECT_THAT(status.message(), HasSubstr("partition columns: the table has none, the plan day"));
}

// Puts `to` for `from` into the schema that the table has.
void replace(engine::TableDescription* there, const std::string& from, const std::string& to) {
  there->schema_json.replace(there->schema_json.find(from), from.size(), to);
}

TEST(CheckDefinition, AColumnWhoseTypeIsAnotherOrThatRowsMustHaveIsNamedWithBothSides) {
  auto there = flights_in_the_lake();
  replace(&there, "decimal(10,2)", "double");
  replace(&there, R"({"name": "day")",
          R"({"name": "note", "type": "string", "nullable": false, "metadata": {}}, {"name": "day")");
  const Status status = check(there);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("the table has fare DOUBLE, the plan fare DECIMAL(10,2)"));
  EXPECT_THAT(status.message(), HasSubstr("the table has note STRING NOT NULL, which the plan does not write"));
  EXPECT_THAT(status.message(), HasSubstr("weir backfill FILE --table flights --to lake --into NEW"));
  EXPECT_THAT(status.message(), Not(HasSubstr("carrier")));
}

TEST(CheckDefinition, AColumnThatRowsFromBeforeHaveNoValueForIsRefused) {
  Plan plan = flights_plan();
  plan.rows.push_back({.name = "gate", .type = *parse_column_type("string"), .nullable = false});
  const Status status = check_definition(rows_definition(plan, kOwner, Seq{1}), flights_in_the_lake());
  EXPECT_THAT(status.message(), HasSubstr("the table lacks gate STRING NOT NULL"));
}

TEST(Growth, IsNothingForTheTableItWasCreatedAs) {
  const auto definition = rows_definition(flights_plan(), kOwner, Seq{1});
  EXPECT_TRUE(growth_of(definition, flights_in_the_lake())->empty());
  EXPECT_TRUE(foreign_columns(definition, flights_in_the_lake())->empty());
}

TEST(Growth, NamesNullableColumnsThatTheTableLacksAndNotNullThatHasToGo) {
  Plan plan = flights_plan();
  plan.rows[0].nullable = true;
  plan.rows.push_back({.name = "gate", .type = *parse_column_type("string")});
  const auto definition = rows_definition(plan, kOwner, Seq{1});
  EXPECT_TRUE(check_definition(definition, flights_in_the_lake()).ok());
  const auto growth = growth_of(definition, flights_in_the_lake());
  ASSERT_TRUE(growth.ok());
  EXPECT_THAT(growth->added, testing::ElementsAre("gate"));
  EXPECT_THAT(growth->made_nullable, testing::ElementsAre("carrier"));
}

TEST(Growth, ATableThatAlreadyHoldsMoreIsAcceptedAndItsOtherColumnsAreKnown) {
  auto there = flights_in_the_lake();
  replace(&there, R"({"name": "day")",
          R"({"name": "note", "type": "string", "nullable": true, "metadata": {}}, {"name": "day")");
  replace(&there, R"("name": "on_time", "type": "boolean", "nullable": false)",
          R"("name": "on_time", "type": "boolean", "nullable": true)");
  const auto definition = rows_definition(flights_plan(), kOwner, Seq{1});
  EXPECT_TRUE(check_definition(definition, there).ok()) << check_definition(definition, there).to_string();
  EXPECT_TRUE(growth_of(definition, there)->empty());
  EXPECT_THAT(*foreign_columns(definition, there), testing::ElementsAre("note"));
}

TEST(CheckDefinition, ALostPositionIsDataLossAndNotAFreshStart) {
  auto there = flights_in_the_lake();
  there.txns.erase("weir/flights/1");
  const Status status = check(there);
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("weir/flights/1"));
}

TEST(CheckDefinition, APropertyThatWouldLetDeltaForgetPositionsIsRefused) {
  auto there = flights_in_the_lake();
  there.properties["delta.setTransactionRetentionDuration"] = "interval 7 days";
  EXPECT_EQ(check(there).code(), StatusCode::kInvalidArgument);
}

TEST(DeltaSchema, AnUnknownTypeIsComparedByDeltasOwnSpelling) {
  const auto columns = parse_delta_schema(
      R"({"type":"struct","fields":[{"name":"v","type":"variant","nullable":true},
          {"name":"m","nullable":true,
           "type":{"type":"map","keyType":"string","valueType":"long","valueContainsNull":true}}]})");
  ASSERT_TRUE(columns.ok());
  EXPECT_EQ((*columns)[0].type, "variant");
  EXPECT_THAT((*columns)[1].type, HasSubstr("map"));
}

TEST(DeltaSchema, WhatIsNotASchemaIsDataLoss) {
  EXPECT_EQ(parse_delta_schema("{").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(parse_delta_schema("{}").status().code(), StatusCode::kDataLoss);
}

TEST(DeadLetterDefinition, BelongsToThePipelineAndReadsOneTable) {
  const TableDefinition definition = dead_letter_definition("airline", "flights");
  EXPECT_EQ(definition.name, "_dead_letters");
  EXPECT_EQ(definition.properties.at("weir.pipeline"), "airline");
  EXPECT_EQ(definition.row_filter, "\"table\" = 'flights'");
  EXPECT_TRUE(definition.initial_txns.empty());
  EXPECT_TRUE(dead_letter_definition("airline", "").row_filter.empty());
}

}  // namespace
}  // namespace weir::lake
