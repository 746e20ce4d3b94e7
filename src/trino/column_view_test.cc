#include "trino/column_view.h"

#include <gtest/gtest.h>

#include "trino/sql_text.h"

namespace weir::trino {
namespace {

ColumnView view_of(std::string_view type, bool nullable = false) {
  const auto parsed = parse_column_type(type);
  EXPECT_TRUE(parsed.ok()) << type;
  return column_view("c", *parsed, nullable);
}

void expect_view(std::string_view type, std::string_view declared, std::string_view clickhouse, std::string_view hot) {
  const ColumnView view = view_of(type);
  EXPECT_EQ(view.type, declared) << type;
  EXPECT_EQ(view.clickhouse, clickhouse) << type;
  EXPECT_EQ(view.from_hot, hot) << type;
}

TEST(ColumnView, LeavesWhatTrinosConnectorShowsRightAsItIs) {
  for (const char* type : {"bool", "int8", "int16", "int32", "int64", "uint64", "float32", "float64",
                           "decimal(38,10)", "string", "json"}) {
    expect_view(type, trino_type(*parse_column_type(type)), "`c`", "\"c\"");
    EXPECT_EQ(view_of(type, true).clickhouse, "`c`");
  }
}

TEST(ColumnView, MillisecondsAreRoundedAsTrinoRoundsTheLakes) {
  expect_view("timestamp", "timestamp(3) with time zone",
              "_CAST(toStartOfMillisecond(`c` + toIntervalMicrosecond(500)), 'DateTime64(3)')",
              "CAST(\"c\" AS timestamp(3) with time zone)");
  EXPECT_EQ(view_of("timestamp", true).clickhouse,
            "_CAST(toStartOfMillisecond(`c` + toIntervalMicrosecond(500)), 'Nullable(DateTime64(3))')");
}

TEST(ColumnView, AnyValueOfTheTypeInTrinoCanBeComparedWith) {
  expect_view("date", "date", "_CAST(`c`, 'DateTime64(3)')", "CAST(\"c\" AS date)");
  EXPECT_EQ(view_of("date").hot_bound, "\"c\" < TIMESTAMP '2300-01-01 00:00:00.000'");
  EXPECT_EQ(view_of("date", true).clickhouse, "_CAST(`c`, 'Nullable(DateTime64(3))')");
  EXPECT_EQ(view_of("date", true).hot_bound, "(\"c\" IS NULL OR \"c\" < TIMESTAMP '2300-01-01 00:00:00.000')");
  expect_view("uint8", "smallint", "_CAST(`c`, 'Int16')", "\"c\"");
  expect_view("uint16", "integer", "_CAST(`c`, 'Int32')", "\"c\"");
  expect_view("uint32", "bigint", "_CAST(`c`, 'Int64')", "\"c\"");
}

TEST(ColumnView, BytesTravelAsHexAndUuidsAsText) {
  expect_view("binary", "varbinary", "hex(`c`)", "from_hex(\"c\")");
  expect_view("uuid", "varchar", "toString(`c`)", "\"c\"");
}

TEST(ColumnView, ListsTravelAsJson) {
  expect_view("list<string>", "array(varchar)", "toJSONString(arrayMap(x1 -> x1, `c`))",
              "CAST(json_parse(\"c\") AS array(varchar))");
  expect_view("list<int64>", "array(bigint)", "toJSONString(arrayMap(x1 -> toString(x1), `c`))",
              "CAST(CAST(json_parse(\"c\") AS array(varchar)) AS array(bigint))");
  expect_view("list<timestamp>", "array(timestamp(3) with time zone)",
              "toJSONString(arrayMap(x1 -> concat(toString(toStartOfMillisecond(x1 + toIntervalMicrosecond(500))), ' "
              "UTC'), `c`))",
              "CAST(CAST(json_parse(\"c\") AS array(varchar)) AS array(timestamp(3) with time zone))");
  expect_view("list<float64>", "array(double)",
              "toJSONString(arrayMap(x1 -> multiIf(isNaN(x1), 'NaN', isInfinite(x1), if(x1 > 0, 'Infinity', "
              "'-Infinity'), toString(x1)), `c`))",
              "CAST(CAST(json_parse(\"c\") AS array(varchar)) AS array(double))");
}

TEST(ColumnView, StructsTravelAsJsonWithoutNames) {
  expect_view("struct<order:int32,at:date>", "row(\"order\" integer, \"at\" date)",
              "toJSONString(_CAST(tuple(tupleElement(`c`, 'order'), toString(tupleElement(`c`, 'at'))), "
              "'Tuple(Int32, String)'))",
              "CAST(CAST(json_parse(\"c\") AS row(\"order\" integer, \"at\" varchar)) AS row(\"order\" integer, \"at\" "
              "date))");
}

TEST(ColumnView, BytesInsideAreTakenOutOneByOne) {
  expect_view("list<struct<b:binary,n:uint64>>", "array(row(\"b\" varbinary, \"n\" decimal(20,0)))",
              "toJSONString(arrayMap(x1 -> _CAST(tuple(hex(tupleElement(x1, 'b')), toString(tupleElement(x1, 'n'))), "
              "'Tuple(String, String)'), `c`))",
              "transform(CAST(json_parse(\"c\") AS array(row(\"b\" varchar, \"n\" varchar))), x1 -> "
              "transform(ARRAY[x1], x2 -> CAST(ROW(from_hex(x2.\"b\"), CAST(x2.\"n\" AS decimal(20,0))) AS row(\"b\" "
              "varbinary, \"n\" decimal(20,0))))[1])");
}

TEST(ColumnView, OfAPlanEndsWithTheSystemColumns) {
  Plan plan{.table = "t"};
  plan.rows = {{.name = "user", .type = {.kind = TypeKind::kString}, .nullable = true}};
  std::string names;
  for (const ColumnView& column : column_views(plan)) names += column.name + " " + column.type + ", ";
  EXPECT_EQ(names,
            "user varchar, _shard integer, _seq bigint, _row integer, _time timestamp(3) with time zone, _subject "
            "varchar, ");
}

TEST(SqlText, QuotesWhateverANameOrTextHolds) {
  EXPECT_EQ(quote_identifier("order"), "\"order\"");
  EXPECT_EQ(quote_identifier("a\"b"), "\"a\"\"b\"");
  EXPECT_EQ(quote_string("it's"), "'it''s'");
  EXPECT_EQ(quote_string("a\\b\u00e9"), "'a\\b\u00e9'");
  EXPECT_EQ(quote_string("it's\n\\"), "U&'it''s\\000A\\\\'");
  EXPECT_EQ(qualified("a", "b", "c"), "\"a\".\"b\".\"c\"");
}

TEST(SqlText, TimesAreCutToMilliseconds) {
  EXPECT_EQ(timestamp_literal(0), "TIMESTAMP '1970-01-01 00:00:00.000 UTC'");
  EXPECT_EQ(timestamp_literal(1'767'225'599'999'999), "TIMESTAMP '2025-12-31 23:59:59.999 UTC'");
  EXPECT_EQ(timestamp_literal(-1), "TIMESTAMP '1969-12-31 23:59:59.999 UTC'");
}

}  // namespace
}  // namespace weir::trino
