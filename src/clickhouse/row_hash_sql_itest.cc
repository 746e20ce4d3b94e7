#include "clickhouse/row_hash_sql.h"

#include <gtest/gtest.h>

#include "clickhouse/client.h"
#include "tests/support/clickhouse_server.h"

namespace weir::clickhouse {
namespace {

/// ClickHouse itself says what the canonical text of a literal is.
class RowHashSql : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<test::ClickHouseServer>();
    client_ = Client::open(server_->options()).value();
  }
  static void TearDownTestSuite() {
    client_.reset();
    server_.reset();
  }

  static std::string ask(const std::string& sql) {
    const auto rows = client_->query_rows({.sql = sql});
    return rows.ok() && rows->size() == 1 ? rows->front().front() : rows.status().to_string();
  }

  static std::string text_of(const std::string& literal, const std::string& type_text) {
    const auto type = parse_native_type(type_text);
    if (!type.ok()) return type.status().to_string();
    return ask("SELECT " + value_text_sql("v", *type) + " FROM (SELECT CAST(" + literal + ", " +
               quote(type_text) + ") AS v)");
  }

  static std::string quote(const std::string& type_text) {
    std::string quoted = "'";
    for (const char c : type_text) quoted += c == '\'' ? "\\'" : std::string(1, c);
    return quoted + "'";
  }

  static std::unique_ptr<test::ClickHouseServer> server_;
  static std::unique_ptr<Client> client_;
};
std::unique_ptr<test::ClickHouseServer> RowHashSql::server_;
std::unique_ptr<Client> RowHashSql::client_;

TEST_F(RowHashSql, ScalarsAreTheirLengthAndTheirText) {
  EXPECT_EQ(text_of("true", "Bool"), "1:1;");
  EXPECT_EQ(text_of("-128", "Int8"), "4:-128;");
  EXPECT_EQ(text_of("18446744073709551615", "UInt64"), "20:18446744073709551615;");
  EXPECT_EQ(text_of("''", "String"), "0:;");
  EXPECT_EQ(text_of("'Grüße'", "String"), "7:Grüße;");
  EXPECT_EQ(text_of("'a.b'", "LowCardinality(String)"), "3:a.b;");
  EXPECT_EQ(text_of("'1950-01-01'", "Date32"), "5:-7305;");
  EXPECT_EQ(text_of("'1950-01-01 00:00:00.000001'", "DateTime64(6, 'UTC')"), "16:-631151999999999;");
  EXPECT_EQ(text_of("'00112233-4455-6677-8899-aabbccddeeff'", "UUID"), "36:00112233-4455-6677-8899-aabbccddeeff;");
}

TEST_F(RowHashSql, FloatsAreTheirBitsWithOneNan) {
  EXPECT_EQ(text_of("-0.", "Float64"), "20:-9223372036854775808;");
  EXPECT_EQ(text_of("1.5", "Float32"), text_of("1.5", "Float64"));
  EXPECT_EQ(text_of("nan", "Float64"), "19:9221120237041090560;");
  EXPECT_EQ(text_of("-nan", "Float32"), "19:9221120237041090560;");
}

TEST_F(RowHashSql, DecimalsAreTheirUnscaledIntegers) {
  EXPECT_EQ(text_of("-1.25", "Decimal(9, 2)"), "4:-125;");
  EXPECT_EQ(text_of("0.01", "Decimal(18, 2)"), "1:1;");
  EXPECT_EQ(text_of("'-12345678901234567890123.456'", "Decimal(38, 3)"), "27:-12345678901234567890123456;");
  EXPECT_EQ(text_of("'18446744073709551615'", "Decimal(20, 0)"), "20:18446744073709551615;");
}

TEST_F(RowHashSql, NullIsUnlikeEveryValue) {
  EXPECT_EQ(text_of("NULL", "Nullable(String)"), "N;");
  EXPECT_EQ(text_of("'N;'", "Nullable(String)"), "2:N;;");
  EXPECT_EQ(text_of("NULL", "Nullable(Decimal(10, 2))"), "N;");
  EXPECT_EQ(text_of("7", "Nullable(Int64)"), "1:7;");
}

TEST_F(RowHashSql, ListsAndStructsNestTheirElements) {
  EXPECT_EQ(text_of("[]", "Array(Int32)"), "0:;");
  EXPECT_EQ(text_of("[1, -22]", "Array(Int32)"), "10:1:1;3:-22;;");
  EXPECT_EQ(text_of("[[], ['a']]", "Array(Array(String))"), "10:0:;4:1:a;;;");
  EXPECT_EQ(text_of("(1, 'x')", "Tuple(a Int64, b String)"), "8:1:1;1:x;;");
  EXPECT_EQ(text_of("(1, ['x', ''])", "Tuple(a Int64, b Array(String))"), "14:1:1;7:1:x;0:;;;");
  EXPECT_EQ(text_of("[(1, NULL)]", "Array(Tuple(a Int64, b Nullable(String)))"), "9:6:1:1;N;;;");
}

TEST_F(RowHashSql, TheHashIsThatOfAllTextsTogether) {
  const std::vector<BlockColumn> columns{{"a", "Int64", *parse_native_type("Int64")},
                                         {"", "String", *parse_native_type("String")},
                                         {"b", "Nullable(String)", *parse_native_type("Nullable(String)")}};
  EXPECT_EQ(ask("SELECT " + row_hash_sql(columns) + " FROM (SELECT toInt64(5) AS a, CAST('x', 'Nullable(String)') AS b)"),
            ask("SELECT xxHash64('1:5;N;1:x;')"));
}

}  // namespace
}  // namespace weir::clickhouse
