#include "backfill/file_parquet_reader.h"

#include <arrow/api.h>
#include <arrow/io/file.h>
#include <arrow/json/from_string.h>
#include <gmock/gmock.h>
#include <parquet/arrow/writer.h>

#include "backfill/file_fixture.h"

namespace weir::backfill {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

std::shared_ptr<arrow::Array> array(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

class ParquetTest : public FileReaderTest {
 protected:
  void write_parquet(const std::string& name, const std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>& columns,
                     int64_t group_rows = 1'000) {
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (const auto& [column_name, values] : columns) {
      fields.push_back(arrow::field(column_name, values->type()));
      arrays.push_back(values);
    }
    const auto table = arrow::Table::Make(arrow::schema(fields), arrays);
    const auto out = arrow::io::FileOutputStream::Open(path(name)).ValueOrDie();
    const auto properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
    ASSERT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, group_rows,
                                           parquet::default_writer_properties(), properties)
                    .ok());
    ASSERT_TRUE(out->Close().ok());
  }
};

TEST_F(ParquetTest, ARowIsAnObjectOfAllItsColumns) {
  column("n", "int64", true);
  column("price", "decimal(12,2)");
  column("at", "timestamp");
  column("id", "uuid");
  column("raw", "binary");
  column("tags", "list<string>");
  column("more", "json");
  write_parquet(
      "a.parquet",
      {{"n", array(arrow::uint32(), "[1, 4294967295]")},
       {"price", array(arrow::decimal128(20, 2), R"(["12.50", "-0.01"])")},
       {"at", array(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), "[1704067200000001000, 1]")},
       {"id", array(arrow::fixed_size_binary(16), R"(["0123456789abcdef", null])")},
       {"raw", array(arrow::utf8(), R"(["text", ""])")},
       {"tags", array(arrow::list(arrow::utf8()), R"([["a", "b\"c"], []])")},
       {"more", array(arrow::struct_({arrow::field("x", arrow::int8()), arrow::field("d", arrow::date32())}),
                      "[[1, 0], [null, 19723]]")},
       {"other", array(arrow::float32(), "[0.1, 2]")}});
  const FileContent content = read("a.parquet", FileFormat::kParquet);
  EXPECT_THAT(
      content.rows,
      ElementsAre(
          R"(1 {"n":1,"price":12.50,"at":"2024-01-01T00:00:00.000001Z","id":"30313233-3435-3637-3839-616263646566",)"
          R"("raw":"dGV4dA==","tags":["a","b\"c"],"more":{"x":1,"d":"1970-01-01"},"other":0.1})",
          R"(2 {"n":4294967295,"price":-0.01,"at":"1970-01-01T00:00:00.000000001Z","id":null,)"
          R"("raw":"","tags":[],"more":{"x":null,"d":"2024-01-01"},"other":2.0})"));
  EXPECT_THAT(content.rejects, IsEmpty());
}

TEST_F(ParquetTest, ReadsTheSameFromAnyRowOnAcrossRowGroups) {
  column("n", "int64", true);
  arrow::Int64Builder numbers;
  for (int64_t i = 1; i <= 1'000; ++i) ASSERT_TRUE(numbers.Append(i * i).ok());
  write_parquet("a.parquet", {{"n", numbers.Finish().ValueOrDie()}}, 64);
  const FileContent whole = read("a.parquet", FileFormat::kParquet);
  ASSERT_THAT(whole.rows, SizeIs(1'000));
  for (const int64_t first : {1, 64, 65, 129, 640, 999, 1'000, 1'001}) {
    const FileContent rest = read("a.parquet", FileFormat::kParquet, first, 37);
    ASSERT_THAT(rest.rows, SizeIs(static_cast<size_t>(1'001 - first)));
    EXPECT_TRUE(std::equal(rest.rows.rbegin(), rest.rows.rend(), whole.rows.rbegin())) << first;
  }
  auto reader = open("a.parquet", FileFormat::kParquet);
  EXPECT_EQ((*reader)->rows(), 1'000);
  EXPECT_EQ((*reader)->seek(Seq{1'002}).code(), StatusCode::kDataLoss);
}

TEST_F(ParquetTest, ATextThatIsNoJsonForAJsonColumnIsAReject) {
  column("more", "json");
  write_parquet("a.parquet", {{"more", array(arrow::utf8(), R"(["{\"a\":1}", "{\"a\"", null])")}});
  const FileContent content = read("a.parquet", FileFormat::kParquet);
  EXPECT_THAT(content.rows, ElementsAre(R"(1 {"more":{"a":1}})", R"(3 {"more":null})"));
  EXPECT_THAT(content.rejects, ElementsAre(AllOf(HasSubstr("2 invalid_json /more:"), HasSubstr(R"(<{"more":"{\"a\""}>)"))));
}

TEST_F(ParquetTest, ARowAboveTheLimitIsARejectOfItsBeginning) {
  column("text", "string");
  plan_.message_bytes_max = 20;
  write_parquet("a.parquet", {{"text", array(arrow::utf8(), R"(["short", "longer than the limit"])")}});
  const FileContent content = read("a.parquet", FileFormat::kParquet);
  EXPECT_THAT(content.rows, ElementsAre(R"(1 {"text":"short"})"));
  EXPECT_THAT(content.rejects, ElementsAre(HasSubstr("2 too_large: 32 bytes, at most 20")));
}

TEST_F(ParquetTest, ATypeThatNeverFitsIsRefusedByColumnAndBothTypes) {
  column("n", "int64", true);
  write_parquet("a.parquet", {{"n", array(arrow::float64(), "[1]")}});
  EXPECT_EQ(open("a.parquet", FileFormat::kParquet).status().message(),
            "column \"n\": is double in the file, and no such value fits int64");
}

TEST_F(ParquetTest, AColumnInsideOfAStructIsFoundAndJudged) {
  plan_.input.push_back({.name = "x",
                         .type = *parse_column_type("bool"),
                         .from = *parse_value_source("/s/x"),
                         .required = true,
                         .default_json = {}});
  const auto type = arrow::struct_({arrow::field("x", arrow::int8())});
  write_parquet("a.parquet", {{"s", array(type, "[[1]]")}});
  EXPECT_THAT(open("a.parquet", FileFormat::kParquet).status().message(), HasSubstr("int8 in the file"));
  write_parquet("a.parquet", {{"t", array(type, "[[1]]")}});
  EXPECT_THAT(open("a.parquet", FileFormat::kParquet).status().message(), HasSubstr("has no column \"s\""));
}

TEST_F(ParquetTest, AFileThatIsCutOffOrNoParquetIsCalledSo) {
  column("n", "int64");
  write_parquet("a.parquet", {{"n", array(arrow::int64(), "[1, 2, 3]")}});
  std::ifstream in(path("a.parquet"), std::ios::binary);
  const std::string whole((std::istreambuf_iterator<char>(in)), {});
  for (const size_t size : {size_t{0}, size_t{3}, size_t{20}, whole.size() / 2, whole.size() - 1}) {
    write("cut.parquet", whole.substr(0, size));
    const Status status = open("cut.parquet", FileFormat::kParquet).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << size;
    EXPECT_THAT(status.message(), HasSubstr("no whole Parquet file")) << size;
  }
}

TEST_F(ParquetTest, ADamagedPageEndsTheReadingWithTheRow) {
  column("n", "string");
  arrow::StringBuilder values;
  for (int i = 0; i < 5'000; ++i) ASSERT_TRUE(values.Append("value " + std::to_string(i * 7919 % 10'007)).ok());
  write_parquet("a.parquet", {{"n", values.Finish().ValueOrDie()}}, 1'000);
  std::ifstream in(path("a.parquet"), std::ios::binary);
  std::string bytes((std::istreambuf_iterator<char>(in)), {});
  for (size_t i = bytes.size() / 2; i < bytes.size() / 2 + 200; ++i) bytes[i] = '\x7F';
  write("damaged.parquet", bytes);
  auto reader = open("damaged.parquet", FileFormat::kParquet);
  ASSERT_TRUE(reader.ok()) << reader.status().to_string();
  int64_t rows = 0;
  Status status;
  while (status.ok()) {
    const auto batch = (*reader)->next({.messages_max = 100});
    status = batch.status();
    if (batch.ok() && (*batch)->range().empty()) break;
    if (batch.ok()) rows += (*batch)->range().length();
  }
  // Either the damage shows, or all rows are there: a reader of Parquet can promise no more without checksums.
  EXPECT_TRUE(!status.ok() || rows == 5'000);
  if (!status.ok()) {
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace weir::backfill
