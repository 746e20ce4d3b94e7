#pragma once

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "schema/table_schema.h"

namespace weir::contract {

/// A table partitioned by its only column, a day.
inline Plan plan_by_day() {
  return {
      .table = "t", .rows = {{"day", {.kind = TypeKind::kDate}, false}}, .partition_by = {"day"}, .order_by = {"day"}};
}

/// Rows of `plan_by_day`, on `days` days in turn.
inline std::shared_ptr<arrow::RecordBatch> rows_on_days(const std::vector<RowId>& ids, int32_t days, int32_t shard) {
  arrow::Date32Builder day;
  arrow::Int32Builder shards;
  arrow::Int64Builder seqs;
  arrow::Int32Builder rows;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subjects;
  for (const RowId& id : ids) {
    EXPECT_TRUE(day.Append(20'000 + static_cast<int32_t>(id.seq.value % days)).ok() && shards.Append(shard).ok() &&
                seqs.Append(id.seq.value).ok() && rows.Append(id.row).ok() && times.Append(id.seq.value).ok() &&
                subjects.Append("s").ok());
  }
  arrow::ArrayVector columns;
  for (arrow::ArrayBuilder* builder :
       std::initializer_list<arrow::ArrayBuilder*>{&day, &shards, &seqs, &rows, &times, &subjects}) {
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return arrow::RecordBatch::Make(row_arrow_schema(plan_by_day()), static_cast<int64_t>(ids.size()), columns);
}

}  // namespace weir::contract
