#include "clickhouse/partition_split.h"

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace weir::clickhouse {
namespace {

using Batch = std::shared_ptr<arrow::RecordBatch>;

std::shared_ptr<arrow::Array> from_json(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

Batch batch_of(const std::vector<std::pair<std::string, std::shared_ptr<arrow::Array>>>& columns) {
  arrow::FieldVector fields;
  arrow::ArrayVector arrays;
  for (const auto& [name, array] : columns) {
    fields.push_back(arrow::field(name, array->type()));
    arrays.push_back(array);
  }
  return arrow::RecordBatch::Make(arrow::schema(fields), arrays.front()->length(), arrays);
}

std::string column_text(const Batch& batch, const std::string& name) {
  const auto& numbers = static_cast<const arrow::Int64Array&>(*batch->GetColumnByName(name));
  std::string text;
  for (int64_t row = 0; row < numbers.length(); ++row) text += std::to_string(numbers.Value(row)) + " ";
  return text;
}

TEST(PartitionSplit, RowsOfOnePartitionStayTheSameBatch) {
  const Batch rows = batch_of({{"day", from_json(arrow::date32(), "[1, 1, 1]")}});
  EXPECT_EQ(split_by_columns(rows, {"day"})->front(), rows);
  EXPECT_EQ(split_by_columns(rows, {})->front(), rows);
}

TEST(PartitionSplit, EachPartKeepsTheOrderOfItsRowsAndPartsComeByFirstAppearance) {
  const Batch rows = batch_of(
      {{"day", from_json(arrow::date32(), "[2, 1, 2, 3, 1]")}, {"n", from_json(arrow::int64(), "[0, 1, 2, 3, 4]")}});
  const auto parts = split_by_columns(rows, {"day"}).value();
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(column_text(parts[0], "n"), "0 2 ");
  EXPECT_EQ(column_text(parts[1], "n"), "1 4 ");
  EXPECT_EQ(column_text(parts[2], "n"), "3 ");
}

TEST(PartitionSplit, TwoKeyColumnsMakeOnePartPerPairWhateverTheLayoutOfTheirText) {
  for (const auto& type : {arrow::utf8(), arrow::large_utf8(), arrow::utf8_view()}) {
    const Batch rows = batch_of({{"k", from_json(type, R"(["a", "b", "a", "a", "b"])")},
                                 {"i", from_json(arrow::int16(), "[1, 1, 2, 1, 1]")},
                                 {"n", from_json(arrow::int64(), "[0, 1, 2, 3, 4]")}});
    const auto parts = split_by_columns(rows, {"k", "i"});
    ASSERT_TRUE(parts.ok()) << parts.status().to_string();
    ASSERT_EQ(parts->size(), 3U);
    EXPECT_EQ(column_text(parts->at(0), "n"), "0 3 ");
    EXPECT_EQ(column_text(parts->at(1), "n"), "1 4 ");
    EXPECT_EQ(column_text(parts->at(2), "n"), "2 ");
  }
}

TEST(PartitionSplit, ASliceIsSplitByItsOwnRows) {
  const Batch rows =
      batch_of({{"day", from_json(arrow::date32(), "[9, 1, 1, 2]")}, {"n", from_json(arrow::int64(), "[0, 1, 2, 3]")}});
  const auto parts = split_by_columns(rows->Slice(1), {"day"}).value();
  ASSERT_EQ(parts.size(), 2U);
  EXPECT_EQ(column_text(parts[0], "n"), "1 2 ");
}

TEST(PartitionSplit, NullInAKeyColumnIsRejected) {
  const Batch rows = batch_of({{"day", from_json(arrow::date32(), "[1, null]")}});
  EXPECT_EQ(split_by_columns(rows, {"day"}).status().code(), StatusCode::kRejected);
  EXPECT_EQ(split_by_columns(rows, {"no"}).status().code(), StatusCode::kInternal);
}

}  // namespace
}  // namespace weir::clickhouse
