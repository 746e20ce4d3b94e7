#include "transform/derived_rows.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "batch/row_ids.h"
#include "decode/decode_fixture.h"
#include "transform/row_json.h"

namespace weir::transform {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Rows 101, 102, ... with n = 1, 2, ..., as a table holds them.
std::shared_ptr<Slice> source_slice(int count) {
  Decoding decoding(plan_of({required(column("n", "int64"))}));
  std::vector<std::string> payloads;
  for (int i = 1; i <= count; ++i) payloads.push_back("{\"n\":" + std::to_string(i) + "}");
  auto slice = std::make_shared<Slice>();
  slice->shard = 3;
  slice->rows = decoding.decode(payloads).rows;
  slice->range = {Seq{90}, Seq{100 + count}};
  return slice;
}

std::shared_ptr<const Plan> derived_plan() {
  Plan plan = plan_of({required(column("n", "int64"))});
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  plan.sql = "SELECT * FROM input";
  return std::make_shared<const Plan>(std::move(plan));
}

int64_t value_at(const arrow::RecordBatch& rows, int64_t row) {
  return static_cast<const arrow::Int64Array&>(*rows.GetColumnByName("n")).Value(row);
}

// Keeps even numbers; fails on a batch that has `bad`.
SqlRun even_without(int64_t bad) {
  return [bad](const std::shared_ptr<arrow::RecordBatch>& rows) -> Result<std::shared_ptr<arrow::RecordBatch>> {
    arrow::RecordBatchVector kept;
    for (int64_t i = 0; i < rows->num_rows(); ++i) {
      if (value_at(*rows, i) == bad) return rejected("division by zero");
      if (value_at(*rows, i) % 2 == 0) kept.push_back(rows->Slice(i, 1));
    }
    if (kept.empty()) return rows->Slice(0, 0);
    return *arrow::ConcatenateRecordBatches(kept);
  };
}

TEST(DerivedRows, EveryRowBecomesARowIsFilteredOrIsADeadLetterAndKeepsItsIdentity) {
  const auto derive = DerivedRows::create(derived_plan(), even_without(6));
  ASSERT_TRUE(derive.ok());
  const auto slice = (*derive)->apply(*source_slice(8));
  ASSERT_TRUE(slice.ok()) << slice.status().to_string();
  EXPECT_EQ((*slice)->range, (SeqRange{Seq{90}, Seq{108}}));
  EXPECT_EQ((*slice)->shard, 3);
  EXPECT_EQ((*slice)->events, 8);
  EXPECT_EQ((*slice)->filtered, 4);
  EXPECT_THAT(*row_ids(*(*slice)->rows), ElementsAre(RowId{Seq{102}, 0}, RowId{Seq{104}, 0}, RowId{Seq{108}, 0}));
  ASSERT_EQ((*slice)->rejects.size(), 1);
  const Reject& reject = (*slice)->rejects.front();
  EXPECT_EQ(reject.seq, Seq{106});
  EXPECT_EQ(reject.payload, "{\"n\":6}");
  EXPECT_EQ(reject.code, "sql_error");
  EXPECT_THAT(reject.reason, HasSubstr("division by zero"));
}

TEST(DerivedRows, ARowThatNoPartitionCanHoldIsADeadLetterBetweenThoseOfTheSql) {
  Plan plan = plan_of({required(column("n", "int64"))});
  EXPECT_TRUE(set_rows_from_input(&plan).ok());
  RowColumn kind = plan.rows.front();
  kind.name = "kind";
  kind.type = *parse_column_type("string");
  plan.rows.push_back(kind);
  plan.sql = "SELECT n, CASE WHEN n = 4 THEN '' ELSE 'k' END AS kind FROM input WHERE n % 2 = 0";
  plan.partition_by = {"kind"};
  const auto with_kind = [even = even_without(6)](const std::shared_ptr<arrow::RecordBatch>& rows)
      -> Result<std::shared_ptr<arrow::RecordBatch>> {
    WEIR_ASSIGN_OR_RETURN(const auto kept, even(rows));
    arrow::StringBuilder kinds;
    for (int64_t i = 0; i < kept->num_rows(); ++i) EXPECT_TRUE(kinds.Append(value_at(*kept, i) == 4 ? "" : "k").ok());
    return *kept->AddColumn(1, "kind", *kinds.Finish());
  };
  const auto derive = DerivedRows::create(std::make_shared<const Plan>(std::move(plan)), with_kind);
  ASSERT_TRUE(derive.ok());
  const auto slice = (*derive)->apply(*source_slice(8));
  ASSERT_TRUE(slice.ok()) << slice.status().to_string();
  EXPECT_THAT(*row_ids(*(*slice)->rows), ElementsAre(RowId{Seq{102}, 0}, RowId{Seq{108}, 0}));
  EXPECT_EQ((*slice)->events, 8);
  EXPECT_EQ((*slice)->filtered, 4);
  ASSERT_EQ((*slice)->rejects.size(), 2);
  EXPECT_EQ((*slice)->rejects[0].seq, Seq{104});
  EXPECT_EQ((*slice)->rejects[0].code, "bad_partition");
  EXPECT_EQ((*slice)->rejects[0].pointer, "kind");
  EXPECT_EQ((*slice)->rejects[0].payload, "{\"n\":4}");
  EXPECT_EQ((*slice)->rejects[1].seq, Seq{106});
  EXPECT_EQ((*slice)->rejects[1].code, "sql_error");
}

TEST(DerivedRows, ARangeWithoutRowsIsASliceWithoutEvents) {
  const auto derive = DerivedRows::create(derived_plan(), even_without(0));
  const auto slice = (*derive)->apply(*source_slice(0));
  ASSERT_TRUE(slice.ok()) << slice.status().to_string();
  EXPECT_EQ((*slice)->events, 0);
  EXPECT_EQ((*slice)->rows->num_rows(), 0);
}

TEST(DerivedRows, AFailureOfTheEngineIsNoDeadLetter) {
  const auto derive = DerivedRows::create(
      derived_plan(), [](const auto&) -> Result<std::shared_ptr<arrow::RecordBatch>> { return resource_exhausted("memory"); });
  EXPECT_EQ((*derive)->apply(*source_slice(3)).status().code(), StatusCode::kResourceExhausted);
}

TEST(RowJson, IsReadBackByTheDecoderAsTheSameRowForEveryType) {
  const Plan plan = plan_of({column("b", "bool"), column("i8", "int8"), column("i64", "int64"), column("u8", "uint8"),
                             column("u64", "uint64"), column("f32", "float32"), column("f64", "float64"),
                             column("d", "decimal(20,4)"), column("s", "string"), column("x", "binary"),
                             column("day", "date"), column("at", "timestamp"), column("id", "uuid"), column("j", "json"),
                             required(column("l", "list<int64>")), required(column("st", "struct<a:int64,b:list<string>>"))});
  const std::vector<std::string> payloads = {
      R"({"b":true,"i8":-128,"i64":-9223372036854775808,"u8":255,"u64":18446744073709551615,"f32":0.1,"f64":1e-300,)"
      R"("d":-1234567890123456.0001,"s":"a\"\\\n\u0001\u00e4","x":"AAEC","day":"1969-12-31","at":"1969-12-31T23:59:59.000001Z",)"
      R"("id":"00000000-0000-4000-8000-00000000000f","j":{"k":[1, 2.50]},"l":[1,2,3],"st":{"a":1,"b":["x","y"]}})",
      R"({"x":"/w==","day":"2299-12-31","at":"2026-03-01T12:34:56Z","l":[],"st":{"a":0,"b":[]}})"};
  Decoding decoding(plan);
  const auto first = decoding.decode(payloads);
  ASSERT_EQ(first.rows->num_rows(), 2) << (first.rejects.empty() ? "" : first.rejects.front().reason);
  const auto again = decoding.decode({row_json(*first.rows, 0, plan.input), row_json(*first.rows, 1, plan.input)});
  ASSERT_TRUE(again.rejects.empty()) << again.rejects.front().reason << again.rejects.front().payload;
  EXPECT_TRUE(again.rows->Equals(*first.rows)) << again.rows->ToString() << first.rows->ToString();
}

TEST(RowJson, NumbersThatJsonLacksAreText) {
  const Plan plan = plan_of({column("f64", "float64")});
  auto values = std::make_shared<arrow::DoubleArray>(
      2, arrow::Buffer::FromVector(std::vector<double>{-1.0 / 0.0, std::nan("")}));
  const auto rows = arrow::RecordBatch::Make(arrow::schema({arrow::field("f64", arrow::float64())}), 2, {values});
  EXPECT_EQ(row_json(*rows, 0, plan.input), R"({"f64":"-Infinity"})");
  EXPECT_EQ(row_json(*rows, 1, plan.input), R"({"f64":"NaN"})");
}

}  // namespace
}  // namespace weir::transform
