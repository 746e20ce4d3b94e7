#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <bit>
#include <limits>

#include "engine/query.h"
#include "engine/sql_plan.h"
#include "tests/support/event_tables.h"

namespace weir::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

uint64_t xxh64(const std::string& bytes) { return XXH64(bytes.data(), bytes.size(), 0); }

std::vector<uint64_t> hashes(const std::vector<std::string>& encodings) {
  std::vector<uint64_t> all;
  for (const std::string& encoding : encodings) all.push_back(xxh64(encoding));
  return all;
}

std::shared_ptr<arrow::Array> from_json(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

class RowHashTest : public test::EventTables {
 protected:
  // What weir_row_hash gives over the columns, row by row.
  std::vector<uint64_t> run(const std::vector<std::shared_ptr<arrow::Array>>& columns) {
    arrow::FieldVector fields;
    std::string arguments;
    for (const auto& column : columns) {
      const std::string name = "c" + std::to_string(fields.size());
      fields.push_back(arrow::field(name, column->type()));
      arguments += (arguments.empty() ? "" : ", ") + name;
    }
    const auto schema = arrow::schema(fields);
    auto plan = SqlPlan::compile(*engine_, schema, "SELECT weir_row_hash(" + arguments + ") AS hash FROM input");
    EXPECT_TRUE(plan.ok()) << plan.status().to_string();
    if (!plan.ok()) return {};
    EXPECT_EQ((*plan)->output_schema()->ToString(), "hash: uint64 not null");
    const auto result = (*plan)->run(*arrow::RecordBatch::Make(schema, columns[0]->length(), columns));
    EXPECT_TRUE(result.ok()) << result.status().to_string();
    if (!result.ok()) return {};
    const auto& column = static_cast<const arrow::UInt64Array&>(*(*result)->column(0));
    return {column.raw_values(), column.raw_values() + column.length()};
  }

  std::vector<uint64_t> run(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    return run({from_json(type, json)});
  }
};

TEST_F(RowHashTest, TheHashIsThatOfTheCanonicalEncodingForEver) {
  EXPECT_THAT(run({from_json(arrow::int64(), "[1, null, -7]"), from_json(arrow::utf8(), R"(["a", "", null])")}),
              ElementsAre(14051861134604511176U, 14113433399701514172U, 479338042553770831U));
}

TEST_F(RowHashTest, BooleansAreZeroAndOne) {
  EXPECT_EQ(run(arrow::boolean(), "[true, false, null]"), hashes({"1:1;", "1:0;", "N;"}));
}

TEST_F(RowHashTest, IntegersOfEveryWidthAreTheirDecimalDigits) {
  for (const auto& type : {arrow::int8(), arrow::int16(), arrow::int32(), arrow::int64()}) {
    EXPECT_EQ(run(type, "[0, 9, 10, -1, -128, 127, null]"),
              hashes({"1:0;", "1:9;", "2:10;", "2:-1;", "4:-128;", "3:127;", "N;"}))
        << type->ToString();
  }
  for (const auto& type : {arrow::uint8(), arrow::uint16(), arrow::uint32(), arrow::uint64()}) {
    EXPECT_EQ(run(type, "[0, 255, null]"), hashes({"1:0;", "3:255;", "N;"})) << type->ToString();
  }
  EXPECT_EQ(run(arrow::int64(), "[-9223372036854775808, 9223372036854775807]"),
            hashes({"20:-9223372036854775808;", "19:9223372036854775807;"}));
  EXPECT_EQ(run(arrow::uint64(), "[18446744073709551615]"), hashes({"20:18446744073709551615;"}));
}

TEST_F(RowHashTest, DecimalsAreTheirUnscaledIntegers) {
  EXPECT_EQ(run(arrow::decimal128(20, 0), R"(["18446744073709551615", "-3", null])"),
            hashes({"20:18446744073709551615;", "2:-3;", "N;"}));
  EXPECT_EQ(run(arrow::decimal128(10, 2), R"(["1.05", "-0.50", "0.00"])"), hashes({"3:105;", "3:-50;", "1:0;"}));
  EXPECT_EQ(run(arrow::decimal128(38, 4), R"(["-1234567890123456789012345678901234.5678"])"),
            hashes({"39:-12345678901234567890123456789012345678;"}));
}

TEST_F(RowHashTest, FloatsAreTheBitsOfTheDoubleAndAllNansAreOne) {
  const auto bits = [](double value) {
    const std::string text = std::to_string(std::bit_cast<int64_t>(value));
    return std::to_string(text.size()) + ":" + text + ";";
  };
  const std::string nan = "19:9221120237041090560;";
  EXPECT_EQ(run(arrow::float64(), "[0.1, -0.0, 0.0, 1e300, null]"),
            hashes({bits(0.1), "20:-9223372036854775808;", "1:0;", bits(1e300), "N;"}));
  EXPECT_EQ(run(arrow::float32(), "[0.5, 0.1, -2, null]"), hashes({bits(0.5), bits(double{0.1F}), bits(-2), "N;"}));

  arrow::DoubleBuilder doubles;
  ASSERT_TRUE(doubles.Append(std::numeric_limits<double>::quiet_NaN()).ok());
  ASSERT_TRUE(doubles.Append(std::bit_cast<double>(uint64_t{0xFFF0000000000001})).ok());
  ASSERT_TRUE(doubles.Append(-std::numeric_limits<double>::infinity()).ok());
  EXPECT_EQ(run({doubles.Finish().ValueOrDie()}), hashes({nan, nan, bits(-std::numeric_limits<double>::infinity())}));
  arrow::FloatBuilder floats;
  ASSERT_TRUE(floats.Append(-std::numeric_limits<float>::quiet_NaN()).ok());
  EXPECT_EQ(run({floats.Finish().ValueOrDie()}), hashes({nan}));
}

TEST_F(RowHashTest, StringsAndBinariesOfEveryLayoutAreTheirBytes) {
  const std::string json = R"(["", "N;", "a longer text than a view holds inline", null])";
  const auto expected = hashes({"0:;", "2:N;;", "38:a longer text than a view holds inline;", "N;"});
  for (const auto& type : {arrow::utf8(), arrow::large_utf8(), arrow::utf8_view(), arrow::binary(),
                           arrow::large_binary(), arrow::binary_view()}) {
    EXPECT_EQ(run(type, json), expected) << type->ToString();
  }
  EXPECT_EQ(run(arrow::utf8(), R"(["\u00e9"])"), hashes({"2:\xc3\xa9;"}));
  EXPECT_EQ(run(arrow::fixed_size_binary(3), R"(["abc", null])"), hashes({"3:abc;", "N;"}));
  EXPECT_EQ(run({from_json(arrow::dictionary(arrow::int16(), arrow::utf8()), R"(["b", "a", null, "b"])")}),
            hashes({"1:b;", "1:a;", "N;", "1:b;"}));
}

TEST_F(RowHashTest, DatesAreDaysAndTimestampsAreMicroseconds) {
  EXPECT_EQ(run(arrow::date32(), "[0, -1, 19723, null]"), hashes({"1:0;", "2:-1;", "5:19723;", "N;"}));
  EXPECT_EQ(run(arrow::date64(), "[86400000, -86400000]"), hashes({"1:1;", "2:-1;"}));
  EXPECT_EQ(run(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "[1, -1, null]"), hashes({"1:1;", "2:-1;", "N;"}));
  EXPECT_EQ(run(arrow::timestamp(arrow::TimeUnit::MICRO, "America/New_York"), "[1]"), hashes({"1:1;"}));
  EXPECT_EQ(run(arrow::timestamp(arrow::TimeUnit::MILLI, "UTC"), "[3, -1]"), hashes({"4:3000;", "5:-1000;"}));
  EXPECT_EQ(run(arrow::timestamp(arrow::TimeUnit::SECOND), "[2]"), hashes({"7:2000000;"}));
  EXPECT_EQ(run(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), "[1999, -1]"), hashes({"1:1;", "2:-1;"}));
}

TEST_F(RowHashTest, ListsAndStructsAreTheEncodingsOfTheirParts) {
  const std::vector<std::string> lists = {"13:1:1;N;4:-300;;", "0:;", "N;"};
  for (const auto& type : {arrow::list(arrow::int32()), arrow::large_list(arrow::int32())}) {
    EXPECT_EQ(run(type, "[[1, null, -300], [], null]"), hashes(lists)) << type->ToString();
  }
  EXPECT_EQ(run(arrow::fixed_size_list(arrow::int8(), 2), "[[1, 2], null]"), hashes({"8:1:1;1:2;;", "N;"}));
  const auto pair = arrow::struct_({arrow::field("a", arrow::utf8()), arrow::field("b", arrow::boolean())});
  EXPECT_EQ(run(pair, R"([{"a": "x", "b": null}, null])"), hashes({"6:1:x;N;;", "N;"}));
  EXPECT_EQ(run(arrow::list(pair), R"([[{"a": "x", "b": true}, null]])"), hashes({"13:8:1:x;1:1;;N;;"}));
}

TEST_F(RowHashTest, ASlicedBatchHashesAsAWholeOne) {
  const auto list = from_json(arrow::list(arrow::utf8()), R"([["a"], null, ["b", null], []])");
  const auto texts = from_json(arrow::utf8(), R"(["p", null, "q", "r"])");
  const auto whole = run({list, texts});
  ASSERT_EQ(whole.size(), 4U);
  EXPECT_THAT(run({list->Slice(1, 2), texts->Slice(1, 2)}), ElementsAre(whole[1], whole[2]));
}

TEST_F(RowHashTest, QueriesHashAsPlansDoConstantsIncluded) {
  const auto table = create("t", {.partition_columns = {"name"}, .txns = {{"weir/t/0", 0}}});
  const auto snapshot = append(*table, **table->snapshot(), 1, 3);
  const auto rows = query(*engine_, {{"t", snapshot.get()}},
                          "SELECT weir_row_hash(name, _seq, NULL, 'x') AS hash FROM t ORDER BY _seq");
  ASSERT_TRUE(rows.ok()) << rows.status().to_string();
  const auto read = (*rows)->ToTable().ValueOrDie()->CombineChunksToBatch().ValueOrDie();
  const auto& column = static_cast<const arrow::UInt64Array&>(*read->column(0));
  EXPECT_EQ(std::vector<uint64_t>(column.raw_values(), column.raw_values() + column.length()),
            hashes({"2:e1;1:1;N;1:x;", "2:e2;1:2;N;1:x;", "2:e3;1:3;N;1:x;"}));
  EXPECT_EQ(count(*snapshot, "weir_row_hash(_seq) = weir_row_hash(2)"), 1);
}

TEST_F(RowHashTest, WhatHasNoCanonicalFormIsRefusedWhenThePlanIsMade) {
  const auto schema = arrow::schema({arrow::field("a", arrow::duration(arrow::TimeUnit::SECOND))});
  const auto refused = SqlPlan::compile(*engine_, schema, "SELECT weir_row_hash(a) AS h FROM input").status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.to_string(), HasSubstr("weir_row_hash"));
  const auto empty = SqlPlan::compile(*engine_, schema, "SELECT weir_row_hash() AS h FROM input").status();
  EXPECT_EQ(empty.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(empty.to_string(), HasSubstr("zero arguments"));
}

}  // namespace
}  // namespace weir::engine
