#include <arrow/array.h>
#include <arrow/buffer.h>
#include <arrow/builder.h>
#include <arrow/compute/cast.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "clickhouse/client.h"
#include "clickhouse/ddl.h"
#include "clickhouse/native_block.h"
#include "clickhouse/sql_text.h"
#include "schema/column_type.h"
#include "tests/support/clickhouse_server.h"

namespace weir::clickhouse {
namespace {

std::shared_ptr<arrow::Array> from_json(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

/// Every test writes one column `v` of some ClickHouse type and lets ClickHouse itself say what it received.
class NativeBlock : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = std::make_unique<test::ClickHouseServer>();
    client_ = Client::open(server_->options()).value();
    ASSERT_TRUE(client_->check_server().ok());
    ASSERT_TRUE(client_->execute({.sql = "CREATE DATABASE weir_test"}).ok());
  }
  static void TearDownTestSuite() {
    client_.reset();
    server_.reset();
  }

  /// ClickHouse's text of each value, joined by "|"; NULL is "\N"; or the error.
  static std::string round_trip(const std::string& type_text, const std::shared_ptr<arrow::Array>& values) {
    static int table_number = 0;
    const std::string table = "weir_test.t" + std::to_string(++table_number);
    const auto type = parse_native_type(type_text);
    if (!type.ok()) return type.status().to_string();
    const std::vector<BlockColumn> columns{{"v", type_text, *type}};
    const auto rows =
        arrow::RecordBatch::Make(arrow::schema({arrow::field("v", values->type())}), values->length(), {values});
    const auto block = encode_native_block(*rows, columns);
    if (!block.ok()) return block.status().to_string();
    Status status = client_->execute(
        {.sql = "CREATE TABLE " + table + " (v " + type_text + ") ENGINE = MergeTree ORDER BY tuple()"});
    if (!status.ok()) return status.to_string();
    status = client_->insert(
        {.statement = {.sql = "INSERT INTO " + table + " SELECT v FROM input(" + quote_string("v " + type_text) +
                              ") FORMAT Native"},
         .query_id = table,
         .token = table,
         .body = {reinterpret_cast<const char*>((*block)->data()), static_cast<size_t>((*block)->size())},
         .rows = rows->num_rows()});
    if (!status.ok()) return status.to_string();
    const auto read = client_->query_rows({.sql = "SELECT ifNull(toString(v), '\\\\N') FROM " + table});
    if (!read.ok()) return read.status().to_string();
    std::string text;
    for (const TextRow& row : *read) text += row[0] + "|";
    text.pop_back();
    return text;
  }

  static std::string round_trip(TypeKind kind, bool nullable, const std::string& json) {
    const ColumnType type{.kind = kind};
    return round_trip(clickhouse_type(type, nullable), from_json(arrow_type(type), json));
  }

  static std::unique_ptr<test::ClickHouseServer> server_;
  static std::unique_ptr<Client> client_;
};
std::unique_ptr<test::ClickHouseServer> NativeBlock::server_;
std::unique_ptr<Client> NativeBlock::client_;

TEST_F(NativeBlock, IntegersArriveAtBothEndsOfTheirRangeAndAsNull) {
  EXPECT_EQ(round_trip(TypeKind::kInt8, true, "[-128, null, 127]"), "-128|\\N|127");
  EXPECT_EQ(round_trip(TypeKind::kInt16, false, "[-32768, 32767]"), "-32768|32767");
  EXPECT_EQ(round_trip(TypeKind::kInt32, true, "[-2147483648, 2147483647, null]"), "-2147483648|2147483647|\\N");
  EXPECT_EQ(round_trip(TypeKind::kInt64, false, "[-9223372036854775808, 9223372036854775807]"),
            "-9223372036854775808|9223372036854775807");
  EXPECT_EQ(round_trip(TypeKind::kUInt8, false, "[0, 255]"), "0|255");
  EXPECT_EQ(round_trip(TypeKind::kUInt16, true, "[65535, null]"), "65535|\\N");
  EXPECT_EQ(round_trip(TypeKind::kUInt32, false, "[4294967295]"), "4294967295");
  EXPECT_EQ(round_trip(TypeKind::kUInt64, false, "[18446744073709551615, 0]"), "18446744073709551615|0");
}

TEST_F(NativeBlock, FloatsArriveWithTheirSpecialValues) {
  EXPECT_EQ(round_trip(TypeKind::kFloat64, true, "[1.7976931348623157e308, -0.0, null, 5e-324]"),
            "1.7976931348623157e308|-0|\\N|5e-324");
  EXPECT_EQ(round_trip(TypeKind::kFloat32, false, "[1.5, -3.4028235e38]"), "1.5|-3.4028235e38");
  arrow::DoubleBuilder specials;
  ASSERT_TRUE(specials.AppendValues({1.0 / 0.0, -1.0 / 0.0, 0.0 / 0.0}).ok());
  EXPECT_EQ(round_trip("Float64", specials.Finish().ValueOrDie()), "inf|-inf|nan");
}

TEST_F(NativeBlock, BoolsArrive) {
  EXPECT_EQ(round_trip(TypeKind::kBool, true, "[true, false, null, true, true, false, false, false, true]"),
            "true|false|\\N|true|true|false|false|false|true");
}

TEST_F(NativeBlock, TextArrivesFromEveryArrowLayoutAlike) {
  const std::string json = R"(["", "a", "Grüße ⛵", null, "a text that is longer than the twelve bytes a view keeps"])";
  const std::string expected = "|a|Grüße ⛵|\\N|a text that is longer than the twelve bytes a view keeps";
  for (const auto& type : {arrow::utf8(), arrow::large_utf8(), arrow::utf8_view()}) {
    EXPECT_EQ(round_trip("Nullable(String)", from_json(type, json)), expected) << type->ToString();
  }
  const auto dictionary = arrow::json::DictArrayFromJSONString(arrow::dictionary(arrow::int32(), arrow::utf8()),
                                                               "[1, 0, null, 1]", R"(["x", "y"])");
  EXPECT_EQ(round_trip("Nullable(String)", dictionary.ValueOrDie()), "y|x|\\N|y");
}

TEST_F(NativeBlock, LongTextAndBytesThatAreNoTextArriveUnchanged) {
  arrow::BinaryBuilder builder;
  const std::string bytes("\0\xff\xfe\n\t", 5);
  const std::string large(300'000, 'x');
  ASSERT_TRUE(builder.Append(bytes).ok());
  ASSERT_TRUE(builder.Append(large).ok());
  const auto values = builder.Finish().ValueOrDie();
  const std::string table = "weir_test.bytes";
  const std::vector<BlockColumn> columns{{"v", "String", parse_native_type("String").value()}};
  const auto rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("v", values->type())}), 2, {values});
  const auto block = encode_native_block(*rows, columns).value();
  ASSERT_TRUE(
      client_->execute({.sql = "CREATE TABLE " + table + " (v String) ENGINE = MergeTree ORDER BY tuple()"}).ok());
  const Status status =
      client_->insert({.statement = {.sql = "INSERT INTO " + table + " SELECT v FROM input('v String') FORMAT Native"},
                       .query_id = "bytes",
                       .token = "bytes",
                       .body = {reinterpret_cast<const char*>(block->data()), static_cast<size_t>(block->size())},
                       .rows = 2});
  ASSERT_TRUE(status.ok()) << status.to_string();
  const auto read = client_->query_rows({.sql = "SELECT hex(v) FROM " + table +
                                                " WHERE length(v) = 5 UNION ALL SELECT "
                                                "toString(length(v)) FROM " +
                                                table + " WHERE length(v) > 5 ORDER BY 1"});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->at(0).at(0), "00FFFE0A09");
  EXPECT_EQ(read->at(1).at(0), "300000");
}

TEST_F(NativeBlock, DatesAndTimesArriveAtBothEndsOfWhatClickHouseHolds) {
  EXPECT_EQ(round_trip(TypeKind::kDate, true, "[-25567, null, 120529, 0]"), "1900-01-01|\\N|2299-12-31|1970-01-01");
  EXPECT_EQ(round_trip(TypeKind::kTimestamp, true, "[-2208988800000000, 10413791999999999, null, 1]"),
            "1900-01-01 00:00:00.000000|2299-12-31 23:59:59.999999|\\N|1970-01-01 00:00:00.000001");
}

TEST_F(NativeBlock, ADateThatClickHouseWouldGarbleIsRejectedNamingItsRow) {
  EXPECT_EQ(round_trip(TypeKind::kDate, false, "[0, 120530]"),
            "rejected: column \"v\": row 1: 120530 days since 1970 are outside 1900-01-01..2299-12-31, which is what "
            "ClickHouse holds");
  EXPECT_TRUE(
      round_trip(TypeKind::kTimestamp, false, "[-2208988800000001]").starts_with("rejected: column \"v\": row 0"));
}

TEST_F(NativeBlock, DecimalsArriveInAllThreeWidths) {
  const auto decimal = [](int precision, int scale, const std::string& json) {
    const ColumnType type{.kind = TypeKind::kDecimal, .precision = precision, .scale = scale};
    return round_trip(clickhouse_type(type, true), from_json(arrow_type(type), json));
  };
  EXPECT_EQ(decimal(9, 2, R"(["-9999999.99", null, "9999999.99", "0.01"])"), "-9999999.99|\\N|9999999.99|0.01");
  EXPECT_EQ(decimal(18, 0, R"(["-999999999999999999", "999999999999999999", null])"),
            "-999999999999999999|999999999999999999|\\N");
  EXPECT_EQ(decimal(38, 10, R"(["-9999999999999999999999999999.9999999999", "1.5000000000"])"),
            "-9999999999999999999999999999.9999999999|1.5");
}

TEST_F(NativeBlock, UuidsArriveInTheOrderTheyAreRead) {
  EXPECT_EQ(round_trip(TypeKind::kUuid, true,
                       R"(["00112233-4455-6677-8899-aabbccddeeff", null, "F47AC10B-58CC-4372-A567-0E02B2C3D479"])"),
            "00112233-4455-6677-8899-aabbccddeeff|\\N|f47ac10b-58cc-4372-a567-0e02b2c3d479");
  EXPECT_TRUE(
      round_trip(TypeKind::kUuid, false, R"(["00112233-4455-6677-8899-aabbccddeefg"])").starts_with("rejected: "));
}

TEST_F(NativeBlock, ListsAndStructsArriveNested) {
  const auto check = [](const std::string& type_text, const std::string& json) {
    const auto type = parse_column_type(type_text);
    return round_trip(clickhouse_type(*type, false), from_json(arrow_type(*type), json));
  };
  EXPECT_EQ(check("list<int64>", "[[1, 2], [], [3]]"), "[1,2]|[]|[3]");
  EXPECT_EQ(check("list<list<string>>", R"([[["a"], []], [], [["b", "c"]]])"), "[['a'],[]]|[]|[['b','c']]");
  EXPECT_EQ(check("struct<a:int64,b:string>", R"([[1, "x"], [2, "y"]])"), "(1,'x')|(2,'y')");
  EXPECT_EQ(check("list<struct<a:int64,d:decimal(9,2)>>", R"([[[1, "0.50"], [2, "1.25"]], []])"),
            "[(1,0.5),(2,1.25)]|[]");
  EXPECT_TRUE(check("list<int64>", "[[1, null]]").starts_with("rejected: column \"v\": item: row 1: NULL"));
}

TEST_F(NativeBlock, ASliceOfALargerBatchSendsOnlyItsOwnRows) {
  EXPECT_EQ(round_trip("Nullable(Int64)", from_json(arrow::int64(), "[1, 2, null, 4, 5]")->Slice(1, 3)), "2|\\N|4");
  EXPECT_EQ(round_trip("Bool", from_json(arrow::boolean(), "[true, false, true]")->Slice(1)), "false|true");
  EXPECT_EQ(round_trip("String", from_json(arrow::utf8(), R"(["a", "b", "c"])")->Slice(2)), "c");
  EXPECT_EQ(round_trip("Array(Int64)", from_json(arrow::list(arrow::int64()), "[[1], [2, 3], [4]]")->Slice(1)),
            "[2,3]|[4]");
  EXPECT_EQ(round_trip("Tuple(a Int64)",
                       from_json(arrow::struct_({arrow::field("a", arrow::int64())}), "[[1], [2]]")->Slice(1)),
            "(2)");
}

TEST_F(NativeBlock, SubjectsArriveThroughDictionariesOfEveryIndexWidth) {
  for (const int distinct : {1, 256, 257, 65'536, 65'537}) {
    arrow::StringBuilder builder;
    for (int i = 0; i < 70'000; ++i) ASSERT_TRUE(builder.Append("s." + std::to_string(i % distinct)).ok());
    const auto values = builder.Finish().ValueOrDie();
    const std::string text = round_trip("LowCardinality(String)", values);
    std::string expected;
    for (int i = 0; i < 70'000; ++i) expected += (i == 0 ? "s." : "|s.") + std::to_string(i % distinct);
    EXPECT_TRUE(text == expected) << distinct << " distinct values: " << text.substr(0, 200);
  }
}

TEST_F(NativeBlock, ValuesInTheLakesWiderTypesAreCastOrRejectedButNeverChanged) {
  EXPECT_EQ(round_trip("UInt32", from_json(arrow::int64(), "[0, 4294967295]")), "0|4294967295");
  EXPECT_EQ(round_trip("UInt64", from_json(arrow::decimal128(20, 0), R"(["18446744073709551615"])")),
            "18446744073709551615");
  EXPECT_TRUE(round_trip("UInt32", from_json(arrow::int64(), "[4294967296]")).starts_with("rejected: "));
  EXPECT_EQ(round_trip("DateTime64(6, 'UTC')", from_json(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"), "[1]")),
            "1970-01-01 00:00:00.001000");
}

TEST_F(NativeBlock, EncodingSpeedIsPrinted) {
  constexpr int64_t kRows = 100'000;
  arrow::Int64Builder numbers;
  arrow::DoubleBuilder doubles;
  arrow::StringBuilder texts;
  arrow::StringBuilder subjects;
  for (int64_t i = 0; i < kRows; ++i) {
    ASSERT_TRUE(numbers.Append(i).ok() && doubles.Append(0.5 * static_cast<double>(i)).ok());
    ASSERT_TRUE(texts.Append("value " + std::to_string(i)).ok() && subjects.Append(i % 3 == 0 ? "f.a" : "f.b").ok());
  }
  const auto n = numbers.Finish().ValueOrDie();
  const auto d = doubles.Finish().ValueOrDie();
  const auto t = texts.Finish().ValueOrDie();
  const auto s = subjects.Finish().ValueOrDie();
  const std::vector<std::string> types{"Int64",  "Nullable(Int64)",  "Float64", "Nullable(Float64)",
                                       "String", "Nullable(String)", "Int64",   "LowCardinality(String)"};
  const arrow::ArrayVector arrays{n, n, d, d, t, t, n, s};
  std::vector<BlockColumn> columns;
  arrow::FieldVector fields;
  for (size_t i = 0; i < types.size(); ++i) {
    columns.push_back({"c" + std::to_string(i), types[i], parse_native_type(types[i]).value()});
    fields.push_back(arrow::field("c" + std::to_string(i), arrays[i]->type()));
  }
  const auto rows = arrow::RecordBatch::Make(arrow::schema(fields), kRows, arrays);
  const auto begin = std::chrono::steady_clock::now();
  constexpr int kRounds = 20;
  int64_t bytes = 0;
  for (int i = 0; i < kRounds; ++i) bytes += encode_native_block(*rows, columns).value()->size();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  std::printf("encoded %.1f M rows/s of 8 columns, %.0f MB/s\n", kRounds * kRows / seconds.count() / 1e6,
              static_cast<double>(bytes) / seconds.count() / 1e6);
}

}  // namespace
}  // namespace weir::clickhouse
