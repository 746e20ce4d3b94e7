#include "backfill/file_json_value.h"

#include <arrow/api.h>
#include <arrow/json/from_string.h>
#include <gtest/gtest.h>

#include "backfill/file_json_text.h"
#include "decode/decoder.h"

namespace weir::backfill {
namespace {

struct Case {
  std::shared_ptr<arrow::DataType> type;
  std::string values;    // A JSON array, as Arrow's tests spell it.
  std::string column;    // Type of the column that takes it.
  std::string expected;  // The values' JSON, separated by spaces.
};

Plan plan_with(const std::string& type) {
  Plan plan;
  plan.table = "t";
  plan.input = {{.name = "c",
                 .type = *parse_column_type(type),
                 .from = *parse_value_source("/c"),
                 .required = true,
                 .default_json = {}}};
  return plan;
}

const std::vector<Case>& cases() {
  using namespace arrow;  // NOLINT(google-build-using-namespace): type factories by the dozen
  static const std::vector<Case> kCases{
      {boolean(), "[true, false]", "bool", "true false"},
      {int8(), "[-128, 127]", "int8", "-128 127"},
      {int16(), "[-32768]", "int16", "-32768"},
      {int32(), "[2147483647]", "int32", "2147483647"},
      {int64(), "[-9223372036854775808, 9223372036854775807]", "int64", "-9223372036854775808 9223372036854775807"},
      {uint8(), "[255]", "uint8", "255"},
      {uint16(), "[65535]", "uint16", "65535"},
      {uint32(), "[4294967295]", "uint32", "4294967295"},
      {uint64(), "[18446744073709551615]", "uint64", "18446744073709551615"},
      {float16(), "[0.5]", "float32", "0.5"},
      {float32(), "[0.1, 1, 1e30]", "float32", "0.1 1.0 1e+30"},
      {float32(), "[0.1]", "float64", "0.10000000149011612"},
      {float32(), "[0.1]", "decimal(4,2)", "0.1"},
      {float64(), "[0.1, 1e300, -0.0]", "float64", "0.1 1e+300 -0.0"},
      {decimal32(9, 3), R"(["1.500"])", "decimal(9,3)", "1.500"},
      {decimal64(18, 0), R"(["7"])", "int64", "7"},
      {decimal128(38, 2), R"(["123456789012345678901234567890.12"])", "decimal(38,2)", "123456789012345678901234567890.12"},
      {decimal256(40, 0), R"(["-5"])", "decimal(38,0)", "-5"},
      {utf8(), R"(["a\"b\n"])", "string", R"("a\"b\n")"},
      {large_utf8(), R"(["x"])", "string", R"("x")"},
      {utf8_view(), R"(["a string longer than the twelve bytes of a view"])", "string",
       R"("a string longer than the twelve bytes of a view")"},
      {dictionary(int8(), utf8()), R"(["x", "y", "x"])", "string", R"("x" "y" "x")"},
      {binary(), R"(["text"])", "string", R"("text")"},
      {binary(), R"(["text"])", "binary", R"("dGV4dA==")"},
      {large_binary(), R"(["t"])", "binary", R"("dA==")"},
      {binary_view(), R"(["te"])", "binary", R"("dGU=")"},
      {fixed_size_binary(2), R"(["ab"])", "binary", R"("YWI=")"},
      {fixed_size_binary(16), R"(["0123456789abcdef"])", "uuid", R"("30313233-3435-3637-3839-616263646566")"},
      {date32(), "[0, -25567]", "date", R"("1970-01-01" "1900-01-01")"},
      {date64(), "[86400000]", "date", R"("1970-01-02")"},
      {timestamp(TimeUnit::SECOND), "[-1]", "timestamp", R"("1969-12-31T23:59:59.000000Z")"},
      {timestamp(TimeUnit::MILLI, "UTC"), "[1]", "timestamp", R"("1970-01-01T00:00:00.001000Z")"},
      {timestamp(TimeUnit::MICRO, "Europe/Berlin"), "[1]", "timestamp", R"("1970-01-01T00:00:00.000001Z")"},
      {timestamp(TimeUnit::NANO), "[1000]", "timestamp", R"("1970-01-01T00:00:00.000001Z")"},
      {time32(TimeUnit::MILLI), "[3661001]", "string", R"("01:01:01.001000")"},
      {time64(TimeUnit::NANO), "[1]", "string", R"("00:00:00.000000001")"},
      {list(int32()), "[[1, 2], []]", "list<int64>", "[1,2] []"},
      {large_list(utf8()), R"([["a"]])", "list<string>", R"(["a"])"},
      {fixed_size_list(int8(), 2), "[[1, 2]]", "list<int8>", "[1,2]"},
      {list(binary()), R"([["a"]])", "list<binary>", R"(["YQ=="])"},
      {struct_({field("a", int8()), field("b", utf8())}), R"([[1, "x"]])", "struct<a:int8,b:string>", R"({"a":1,"b":"x"})"},
      {list(struct_({field("u", fixed_size_binary(16))})), R"([[["0123456789abcdef"]]])", "list<struct<u:uuid>>",
       R"([{"u":"30313233-3435-3637-3839-616263646566"}])"},
      {map(utf8(), int32()), R"([[["a", 1], ["b", 2]]])", "json", R"({"a":1,"b":2})"},
      {utf8(), R"(["{\"a\": [1]}", "3"])", "json", R"({"a": [1]} 3)"},
  };
  return kCases;
}

TEST(FileJsonValue, EveryTypeBecomesWhatItsColumnTakes) {
  for (const Case& c : cases()) {
    const std::string name = c.type->ToString() + " -> " + c.column;
    const auto made = arrow::json::ArrayFromJSONString(c.type, c.values);
    ASSERT_TRUE(made.ok()) << name << ": " << made.status().ToString();
    const auto plan = std::make_shared<const Plan>(plan_with(c.column));
    EXPECT_TRUE(check_writable(*c.type).ok()) << name;
    EXPECT_TRUE(check_fits(*c.type, plan->input.front().type).ok()) << name;
    const JsonShape shape = json_shape(*plan, "c", *c.type);
    std::string json;
    auto decoder = Decoder::create(plan, -1);
    ASSERT_TRUE(decoder.ok()) << name;
    for (int64_t i = 0; i < (*made)->length(); ++i) {
      std::string value;
      EXPECT_TRUE(append_json_value(**made, i, shape, &value)) << name;
      json += (i == 0 ? "" : " ") + value;
      const std::string payload = "{\"c\":" + value + "}";
      const std::vector<Message> messages{{.seq = Seq{1}, .time_us = 1, .subject = "s", .payload = payload, .headers = {}}};
      const auto decoded = (*decoder)->decode(messages);
      ASSERT_TRUE(decoded.ok()) << name;
      EXPECT_TRUE(decoded->rejects.empty()) << name << " " << payload << ": " << decoded->rejects.front().reason;
    }
    EXPECT_EQ(json, c.expected) << name;
  }
}

TEST(FileJsonValue, NullsStayNullWhereverTheyAre) {
  const auto type = arrow::struct_({arrow::field("a", arrow::list(arrow::int8())), arrow::field("b", arrow::null())});
  const auto made = arrow::json::ArrayFromJSONString(type, "[null, [null, null], [[1, null], null]]").ValueOrDie();
  const Plan plan = plan_with("json");
  const JsonShape shape = json_shape(plan, "c", *type);
  std::string json;
  for (int64_t i = 0; i < 3; ++i) EXPECT_TRUE(append_json_value(*made, i, shape, &json));
  EXPECT_EQ(json, R"(null{"a":null,"b":null}{"a":[1,null],"b":null})");
}

TEST(FileJsonValue, WhatCanNeverFitIsSaidWithBothTypes) {
  const std::vector<std::pair<std::shared_ptr<arrow::DataType>, std::string>> misfits{
      {arrow::float64(), "int64"},
      {arrow::decimal128(10, 2), "int64"},
      {arrow::utf8(), "int64"},
      {arrow::int64(), "bool"},
      {arrow::int64(), "timestamp"},
      {arrow::date32(), "timestamp"},
      {arrow::timestamp(arrow::TimeUnit::MICRO), "date"},
      {arrow::int64(), "string"},
      {arrow::int64(), "uuid"},
      {arrow::utf8(), "list<string>"},
      {arrow::list(arrow::utf8()), "list<int8>"},
      {arrow::struct_({arrow::field("a", arrow::int8())}), "struct<a:int8,b:int8>"},
      {arrow::map(arrow::utf8(), arrow::int8()), "struct<a:int8>"},
  };
  for (const auto& [type, column] : misfits) {
    const Status status = check_fits(*type, *parse_column_type(column));
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << type->ToString() << " -> " << column;
    EXPECT_EQ(status.message(), "is " + type->ToString() + " in the file, and no such value fits " + column);
  }
  EXPECT_FALSE(check_writable(*arrow::map(arrow::int8(), arrow::int8())).ok());
  EXPECT_FALSE(check_writable(*arrow::list(arrow::duration(arrow::TimeUnit::SECOND))).ok());
}

TEST(FileJsonText, ValuesWithoutAJsonNumberOrDateBecomeTextThatNoSuchColumnTakes) {
  std::string json;
  append_json_float(std::numeric_limits<double>::quiet_NaN(), &json);
  append_json_float(-std::numeric_limits<double>::infinity(), &json);
  append_json_timestamp(std::numeric_limits<int64_t>::max(), 1, &json);
  append_json_timestamp(std::numeric_limits<int64_t>::min(), 1'000'000'000, &json);
  append_json_date(std::numeric_limits<int32_t>::max(), &json);
  EXPECT_EQ(json,
            R"("NaN""-Infinity""second 9223372036854775807""1677-09-21T00:12:43.145224192Z""day 2147483647")");
}

TEST(FileJsonText, ControlCharactersAreEscaped) {
  std::string json;
  append_json_string(std::string_view("a\0\x1f/\\\"\r\n\t\xC3\xA9", 11), &json);
  EXPECT_EQ(json, "\"a\\u0000\\u001f/\\\\\\\"\\r\\n\\t\xC3\xA9\"");
  EXPECT_TRUE(is_json(json));
}

}  // namespace
}  // namespace weir::backfill
