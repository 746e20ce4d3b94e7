#include "batch/row_ids.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gtest/gtest.h>

namespace weir {
namespace {

std::shared_ptr<arrow::RecordBatch> batch_of(const std::vector<RowId>& ids) {
  arrow::Int64Builder seq;
  arrow::Int32Builder row;
  for (const RowId& id : ids) {
    EXPECT_TRUE(seq.Append(id.seq.value).ok());
    EXPECT_TRUE(row.Append(id.row).ok());
  }
  const auto schema = arrow::schema({arrow::field("_seq", arrow::int64()), arrow::field("_row", arrow::int32())});
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(ids.size()), {*seq.Finish(), *row.Finish()});
}

const std::vector<RowId> kIds{{Seq{1}, 0}, {Seq{2}, 0}, {Seq{2}, 1}, {Seq{5}, 0}};

TEST(RowIds, AreThoseOfTheSystemColumns) { EXPECT_EQ(*row_ids(*batch_of(kIds)), kIds); }

TEST(RowIds, WithoutSystemColumnsThereIsAnError) {
  const auto batch = arrow::RecordBatch::Make(arrow::schema({}), 0, arrow::ArrayVector{});
  EXPECT_EQ(row_ids(*batch).status().code(), StatusCode::kInternal);
}

TEST(RowsWithout, KeepsWhatIsMissingInOrder) {
  const auto left = rows_without(batch_of(kIds), {{Seq{2}, 0}, {Seq{4}, 0}});
  ASSERT_TRUE(left.ok());
  EXPECT_EQ(*row_ids(**left), (std::vector<RowId>{{Seq{1}, 0}, {Seq{2}, 1}, {Seq{5}, 0}}));
}

TEST(RowsWithout, IsEmptyWhenAllAreThere) { EXPECT_EQ((*rows_without(batch_of(kIds), kIds))->num_rows(), 0); }

TEST(RowIdsDigest, DependsOnEveryIdentity) {
  EXPECT_EQ(row_ids_digest(*batch_of(kIds)), row_ids_digest(*batch_of(kIds)));
  EXPECT_NE(row_ids_digest(*batch_of(kIds)), row_ids_digest(*batch_of({{Seq{1}, 0}})));
}

}  // namespace
}  // namespace weir
