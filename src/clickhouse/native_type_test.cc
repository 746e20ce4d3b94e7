#include "clickhouse/native_type.h"

#include <gtest/gtest.h>

#include "clickhouse/sql_text.h"
#include "schema/column_type.h"

namespace weir::clickhouse {
namespace {

TEST(NativeType, EveryTypeOfTheTypeMapIsOneThatIsWritten) {
  for (const char* text : {"bool",
                           "int8",
                           "int16",
                           "int32",
                           "int64",
                           "uint8",
                           "uint16",
                           "uint32",
                           "uint64",
                           "float32",
                           "float64",
                           "string",
                           "binary",
                           "date",
                           "timestamp",
                           "decimal(9,2)",
                           "decimal(38,38)",
                           "uuid",
                           "json",
                           "list<int64>",
                           "list<list<string>>",
                           "struct<a:int64,b:list<struct<c:uuid>>>"}) {
    const auto type = parse_column_type(text);
    ASSERT_TRUE(type.ok()) << text;
    const auto native = parse_native_type(clickhouse_type(*type, true));
    EXPECT_TRUE(native.ok()) << native.status().to_string();
  }
}

TEST(NativeType, SpellingsThatClickHousePrintsDifferentlyAreTheSameType) {
  EXPECT_EQ(*parse_native_type("Decimal(10,2)"), *parse_native_type("Decimal(10, 2)"));
  EXPECT_EQ(*parse_native_type("Tuple(a Int64, b String)"), *parse_native_type("Tuple(`a` Int64,`b` String)"));
  EXPECT_FALSE(*parse_native_type("Int64") == *parse_native_type("Nullable(Int64)"));
}

TEST(NativeType, AnythingElseIsNoType) {
  for (const char* text :
       {"", "Int65", "Nullable(", "Nullable(Nullable(Int8))", "Nullable(Array(Int8))", "Array()", "Decimal(39, 1)",
        "DateTime64(3)", "DateTime64(6, 'Europe/Berlin')", "Int8 x", "Map(String, String)", "Tuple(Int8)"}) {
    EXPECT_FALSE(parse_native_type(text).ok()) << text;
  }
  std::string deep;
  for (int i = 0; i < 1'000; ++i) deep += "Array(";
  EXPECT_FALSE(parse_native_type(deep).ok());
}

TEST(SqlText, NothingInsideANameOrTextCanEndIt) {
  EXPECT_EQ(quote_identifier("a`b\\"), "`a\\`b\\\\`");
  EXPECT_EQ(quote_string("it's\n"), "'it\\'s\\n'");
  EXPECT_EQ(percent_encode("a b&c=ü"), "a%20b%26c%3D%C3%BC");
  EXPECT_EQ(escape_parameter("a\tb'"), "a\\tb'");
}

}  // namespace
}  // namespace weir::clickhouse
