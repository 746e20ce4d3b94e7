#include "lake/row_cast.h"

#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::lake {
namespace {

std::shared_ptr<arrow::Array> array(const std::shared_ptr<arrow::DataType>& type, std::string_view json) {
  return arrow::json::ArrayFromJSONString(type, json).ValueOrDie();
}

// The array as the lake's type gives it back, cast to the rows' type, equals the array of the rows' type.
void expect_cast(const std::shared_ptr<arrow::DataType>& lake, const std::shared_ptr<arrow::DataType>& rows,
                 std::string_view lake_json, std::string_view rows_json) {
  const auto cast = cast_array(array(lake, lake_json), rows);
  ASSERT_TRUE(cast.ok()) << cast.status().to_string();
  ASSERT_TRUE((*cast)->ValidateFull().ok()) << (*cast)->ValidateFull().ToString();
  EXPECT_TRUE((*cast)->type()->Equals(*rows)) << (*cast)->type()->ToString();
  EXPECT_TRUE((*cast)->Equals(*array(rows, rows_json))) << (*cast)->ToString();
}

TEST(RowCast, UnsignedNumbersComeBackFromTheWiderTypesTheLakeKeepsThemIn) {
  expect_cast(arrow::int16(), arrow::uint8(), "[0, 255, null]", "[0, 255, null]");
  expect_cast(arrow::int32(), arrow::uint16(), "[65535]", "[65535]");
  expect_cast(arrow::int64(), arrow::uint32(), "[4294967295]", "[4294967295]");
  expect_cast(arrow::decimal128(20, 0), arrow::uint64(), R"(["0", "18446744073709551615", null])",
              "[0, 18446744073709551615, null]");
}

TEST(RowCast, ViewsAndLargeLayoutsBecomeTheRowsLayouts) {
  expect_cast(arrow::utf8_view(), arrow::utf8(), R"(["a", "a string longer than twelve bytes", null])",
              R"(["a", "a string longer than twelve bytes", null])");
  expect_cast(arrow::large_utf8(), arrow::utf8(), R"(["a"])", R"(["a"])");
  expect_cast(arrow::binary_view(), arrow::binary(), R"(["a"])", R"(["a"])");
}

TEST(RowCast, ListsOfStructsAreCastFieldByFieldAndLoseTheReadersNullability) {
  const auto lake = arrow::list(arrow::field(
      "element", arrow::struct_({arrow::field("b", arrow::utf8_view()), arrow::field("a", arrow::int16())})));
  const auto rows = arrow::list(arrow::field(
      "item", arrow::struct_({arrow::field("a", arrow::uint8(), false), arrow::field("b", arrow::utf8(), false)}),
      false));
  expect_cast(lake, rows, R"([[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], [], [{"a": 255, "b": "z"}]])",
              R"([[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], [], [{"a": 255, "b": "z"}]])");
}

TEST(RowCast, ASliceOfANestedColumnKeepsItsOwnRows) {
  const auto lake = arrow::list(arrow::struct_({arrow::field("a", arrow::int16())}));
  const auto rows =
      arrow::list(arrow::field("item", arrow::struct_({arrow::field("a", arrow::uint8(), false)}), false));
  const auto whole = array(lake, R"([[{"a": 1}], [{"a": 2}, {"a": 3}], [{"a": 4}], []])");
  const auto cast = cast_array(whole->Slice(1, 2), rows);
  ASSERT_TRUE(cast.ok()) << cast.status().to_string();
  ASSERT_TRUE((*cast)->ValidateFull().ok()) << (*cast)->ValidateFull().ToString();
  EXPECT_TRUE((*cast)->Equals(*array(rows, R"([[{"a": 2}, {"a": 3}], [{"a": 4}]])"))) << (*cast)->ToString();

  const auto structs = array(arrow::struct_({arrow::field("a", arrow::int16())}), R"([{"a": 1}, null, {"a": 3}])");
  const auto one = cast_array(structs->Slice(1), arrow::struct_({arrow::field("a", arrow::uint8())}));
  ASSERT_TRUE(one.ok()) << one.status().to_string();
  EXPECT_TRUE((*one)->IsNull(0));
  EXPECT_TRUE((*one)->IsValid(1));
}

TEST(RowCast, AValueThatDoesNotFitWasWrittenBySomebodyElse) {
  EXPECT_EQ(cast_array(array(arrow::int16(), "[-1]"), arrow::uint8()).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(cast_array(array(arrow::int16(), "[256]"), arrow::uint8()).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(cast_array(array(arrow::decimal128(20, 0), R"(["-1"])"), arrow::uint64()).status().code(),
            StatusCode::kDataLoss);
}

TEST(RowCast, RowsAreFoundByNameAndARequiredColumnHasNoNull) {
  const auto lake = arrow::schema({arrow::field("b", arrow::utf8_view()), arrow::field("a", arrow::int16())});
  const auto batch =
      arrow::RecordBatch::Make(lake, 2, {array(arrow::utf8_view(), R"(["x", null])"), array(arrow::int16(), "[1, 2]")});
  const auto rows = arrow::schema({arrow::field("a", arrow::uint8(), false), arrow::field("b", arrow::utf8())});
  const auto cast = cast_rows(*batch, rows);
  ASSERT_TRUE(cast.ok()) << cast.status().to_string();
  EXPECT_TRUE((*cast)->schema()->Equals(*rows));
  EXPECT_TRUE((*cast)->column(0)->Equals(*array(arrow::uint8(), "[1, 2]")));

  const auto strict = arrow::schema({arrow::field("b", arrow::utf8(), false)});
  EXPECT_EQ(cast_rows(*batch, strict).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(cast_rows(*batch, arrow::schema({arrow::field("c", arrow::utf8())})).status().code(),
            StatusCode::kInternal);
}

}  // namespace
}  // namespace weir::lake
