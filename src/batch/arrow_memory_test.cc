#include "batch/arrow_memory.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

std::shared_ptr<arrow::RecordBatch> numbers(int64_t rows) {
  arrow::Int64Builder builder;
  for (int64_t i = 0; i < rows; ++i) EXPECT_TRUE(builder.Append(i).ok());
  return arrow::RecordBatch::Make(arrow::schema({arrow::field("n", arrow::int64(), false)}), rows,
                                  {builder.Finish().ValueOrDie()});
}

TEST(BatchBytes, CountsTheBuffersABatchRefersTo) { EXPECT_EQ(batch_bytes(*numbers(1'000)), 8'000); }

TEST(BatchBytes, CountsOnlyThePartThatASliceUses) {
  EXPECT_EQ(batch_bytes(*numbers(1'000)->Slice(100, 10)), 80);
  EXPECT_EQ(batch_bytes(*numbers(0)), 0);
}

TEST(FromArrow, OutOfMemoryIsAPassingConditionAndTheRestIsOurDefect) {
  EXPECT_TRUE(from_arrow(arrow::Status::OK()).ok());
  EXPECT_EQ(from_arrow(arrow::Status::OutOfMemory("x")).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(from_arrow(arrow::Status::CapacityError("x")).code(), StatusCode::kInternal);
  EXPECT_EQ(from_arrow(arrow::Status::Invalid("x")).code(), StatusCode::kInternal);
  EXPECT_NE(from_arrow(arrow::Status::Invalid("why")).message().find("why"), std::string::npos);
}

}  // namespace
}  // namespace weir
