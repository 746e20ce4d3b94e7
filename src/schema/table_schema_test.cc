#include "schema/table_schema.h"

#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

using ::testing::HasSubstr;

InputColumn column(const std::string& name, std::string_view type, bool required = false) {
  return {.name = name, .type = *parse_column_type(type), .from = {.text = "/" + name}, .required = required};
}

Plan plan_of(std::vector<InputColumn> input) {
  Plan plan;
  plan.table = "t";
  plan.input = std::move(input);
  return plan;
}

std::shared_ptr<arrow::Field> field(const char* name, std::shared_ptr<arrow::DataType> type, bool nullable = true) {
  return arrow::field(name, std::move(type), nullable);
}

TEST(CheckName, AcceptsLowerCaseDigitsAndUnderscores) {
  for (const char* name : {"a", "a_1", "scheduled_at", "x9"}) EXPECT_TRUE(check_name("column", name).ok()) << name;
  EXPECT_TRUE(check_name("column", std::string(128, 'a')).ok());
}

TEST(CheckName, SaysWhatANameIs) {
  EXPECT_EQ(check_name("column", "Foo").message(), "column \"Foo\": names are [a-z][a-z0-9_]*, at most 128 bytes");
  for (const char* name : {"", "9a", "a-b", "a b", "a.b", "\xc3\xa4"}) {
    EXPECT_EQ(check_name("table", name).code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_FALSE(check_name("column", std::string(129, 'a')).ok());
}

TEST(CheckName, ALeadingUnderscoreIsReserved) {
  EXPECT_EQ(check_name("column", "_seq").message(),
            "column \"_seq\": names with a leading underscore are reserved for system columns");
}

TEST(ValueSource, IsReadAndSpelledBack) {
  for (const char* text : {"/a/b", "/", "/a~0b~1c", "header:Nats-Msg-Id", "subject:2", "payload"}) {
    const Result<ValueSource> source = parse_value_source(text);
    ASSERT_TRUE(source.ok()) << source.status().to_string();
    EXPECT_EQ(to_string(*source), text);
  }
  EXPECT_EQ(parse_value_source("subject:2")->token, 2);
  EXPECT_EQ(parse_value_source("header:X")->kind, ValueSource::Kind::kHeader);
}

TEST(ValueSource, RefusesWhatIsNoneAndSaysWhatIsPossible) {
  for (const char* text : {"", "a", "#/a", "/a~", "/a~2", "header:", "header:a b", "header:a:b", "subject:", "subject:0",
                           "subject:-1", "subject:1x", "subject:257", "Payload"}) {
    const Result<ValueSource> source = parse_value_source(text);
    ASSERT_FALSE(source.ok()) << text;
    EXPECT_THAT(source.status().message(), HasSubstr("possible are a JSON Pointer")) << text;
  }
}

TEST(ArrowSchema, SystemColumnsFollowTheUsersColumns) {
  Plan plan = plan_of({column("a", "int64", true), column("b", "uuid")});
  plan.input.push_back(column("c", "date"));
  plan.input.back().default_json = "\"2020-01-01\"";
  EXPECT_EQ(input_arrow_schema(plan)->ToString(),
            "a: int64 not null\nb: string\nc: date32[day] not null\n_shard: int32 not null\n_seq: int64 not null\n"
            "_row: int32 not null\n_time: timestamp[us, tz=UTC] not null\n_subject: string not null");
  ASSERT_TRUE(set_rows_from_input(&plan).ok());
  EXPECT_TRUE(row_arrow_schema(plan)->Equals(*input_arrow_schema(plan)));
}

TEST(RowsFromInput, AreTheInputColumns) {
  Plan plan = plan_of({column("a", "int64", true), column("b", "json")});
  ASSERT_TRUE(set_rows_from_input(&plan).ok());
  const std::vector<RowColumn> expected = {{"a", *parse_column_type("int64"), false},
                                           {"b", *parse_column_type("json"), true}};
  EXPECT_EQ(plan.rows, expected);
}

TEST(RowsFromInput, NamesAreCheckedAndUnique) {
  Plan none = plan_of({});
  EXPECT_FALSE(set_rows_from_input(&none).ok());
  Plan twice = plan_of({column("a", "int64"), column("a", "string")});
  EXPECT_EQ(set_rows_from_input(&twice).message(), "column \"a\" is there twice");
  Plan reserved = plan_of({column("_seq", "int64")});
  EXPECT_THAT(set_rows_from_input(&reserved).message(), HasSubstr("reserved"));
  EXPECT_TRUE(reserved.rows.empty());
}

TEST(RowsFromInput, ListsAndStructsMustNotBeNullable) {
  Plan plan = plan_of({column("a", "list<int64>")});
  EXPECT_THAT(set_rows_from_input(&plan).message(), HasSubstr("make it `required` or give it a `default`"));
  plan.input[0].default_json = "[]";
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  Plan required = plan_of({column("a", "struct<x:int8>", true)});
  EXPECT_TRUE(set_rows_from_input(&required).ok());
}

TEST(RowsFromInput, KeyColumnsExistOnceAndAreNotNullable) {
  Plan plan = plan_of({column("a", "int64"), column("b", "int64", true)});
  plan.order_by = {"a"};
  EXPECT_EQ(set_rows_from_input(&plan).message(),
            "order_by \"a\": the column may be NULL; make it `required` or give it a `default`");
  plan.order_by = {"c"};
  EXPECT_EQ(set_rows_from_input(&plan).message(), "order_by \"c\": the rows have no such column");
  plan.order_by = {"b", "b"};
  EXPECT_EQ(set_rows_from_input(&plan).message(), "order_by \"b\" is there twice");
  plan.order_by = {"b"};
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  plan.partition_by = {"a"};
  EXPECT_THAT(set_rows_from_input(&plan).message(), HasSubstr("partition_by \"a\": the column may be NULL"));
}

TEST(RowsFromInput, PartitionsAreDatesIntegersOrStrings) {
  for (const char* type : {"date", "int8", "uint32", "int64", "string"}) {
    Plan plan = plan_of({column("a", type, true)});
    plan.partition_by = {"a"};
    EXPECT_TRUE(set_rows_from_input(&plan).ok()) << type;
  }
  for (const char* type : {"timestamp", "float64", "uint64", "decimal(3,0)", "uuid", "json", "bool", "list<int8>"}) {
    Plan plan = plan_of({column("a", type, true)});
    plan.partition_by = {"a"};
    EXPECT_THAT(set_rows_from_input(&plan).message(), HasSubstr(std::string("not ") + type)) << type;
  }
}

TEST(RowsFromInput, RowsCannotBeOrderedByAList) {
  Plan plan = plan_of({column("a", "list<int8>", true)});
  plan.order_by = {"a"};
  EXPECT_THAT(set_rows_from_input(&plan).message(), HasSubstr("cannot be ordered by a list<int8>"));
}

TEST(RowsFromSql, AColumnThatPassesThroughKeepsItsTypeAndTheRestIsTypedByTheResult) {
  Plan plan = plan_of({column("id", "uuid", true), column("body", "json"), column("n", "int64")});
  plan.sql = "SELECT id, body, n + 1 AS n, 'x' AS kind FROM input";
  plan.order_by = {"id", "kind"};
  const arrow::Schema result({field("id", arrow::utf8(), false), field("body", arrow::utf8_view()),
                              field("n", arrow::float64()), field("kind", arrow::utf8_view(), false),
                              field("_seq", arrow::int64(), false)});
  ASSERT_TRUE(set_rows_from_sql(result, &plan).ok());
  const std::vector<RowColumn> expected = {{"id", *parse_column_type("uuid"), false},
                                           {"body", *parse_column_type("json"), true},
                                           {"n", *parse_column_type("float64"), true},
                                           {"kind", *parse_column_type("string"), false}};
  EXPECT_EQ(plan.rows, expected);
}

TEST(RowsFromSql, ARequiredColumnThatTheSqlMakesNullableIsNullable) {
  Plan plan = plan_of({column("a", "int64", true)});
  plan.sql = "SELECT nullif(a, 0) AS a FROM input";
  plan.order_by = {"a"};
  EXPECT_THAT(set_rows_from_sql(arrow::Schema({field("a", arrow::int64())}), &plan).message(), HasSubstr("coalesce()"));
}

TEST(RowsFromSql, AnExpressionThatNoStoreCanHoldIsNamedWithItsColumn) {
  Plan plan = plan_of({column("a", "int64", true)});
  EXPECT_THAT(set_rows_from_sql(arrow::Schema({field("d", arrow::duration(arrow::TimeUnit::SECOND))}), &plan).message(),
              HasSubstr("column \"d\": the stores cannot hold the type duration[s]"));
  EXPECT_THAT(set_rows_from_sql(arrow::Schema({field("sum(a)", arrow::int64())}), &plan).message(),
              HasSubstr("names are"));
}

}  // namespace
}  // namespace weir
