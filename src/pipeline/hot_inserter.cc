#include "pipeline/hot_inserter.h"

#include <arrow/record_batch.h>

#include <vector>

#include "base/crash_point.h"
#include "batch/row_ids.h"
#include "pipeline/hot_fence.h"

namespace weir::pipeline {

Status HotInserter::insert(const std::shared_ptr<arrow::RecordBatch>& rows, Epoch fence, const std::string& token) {
  if (rows->num_rows() == 0) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto parts, table_.split_by_partition(rows));
  for (size_t i = 0; i < parts.size(); ++i) {
    WEIR_RETURN_IF_ERROR(insert_part(parts[i], fence, token + "/" + std::to_string(i)));
  }
  return ok_status();
}

Status HotInserter::insert_part(const std::shared_ptr<arrow::RecordBatch>& part, Epoch fence, const std::string& token) {
  Status status = table_.insert({.rows = part, .token = token, .writer = writer_, .epoch = fence});
  if (writer_.path == HotWriter::Path::kBulk) crash_point("bulk_inserted");
  if (status.code() == StatusCode::kFenced) {
    // A ClickHouse that came back from a crash may have lost its fence (the Join table is not synced) and then refuses
    // everybody, and the live path raises that of bulk. Only a newer epoch there means that we were replaced.
    WEIR_ASSIGN_OR_RETURN(const Epoch there, table_.fence(writer_));
    if (epoch_of_fence(there) > epoch_of_fence(fence)) return status;
    return conflict("ClickHouse's fence is at " + std::to_string(there.value) + ", ours is " +
                    std::to_string(fence.value) + "; it is raised again");
  }
  if (status.code() == StatusCode::kRejected) return quarantine_refused(part, fence, token, status);
  return status;
}

// Halves a refused part until the rows at fault stand alone; those are put aside, all others go in.
Status HotInserter::quarantine_refused(const std::shared_ptr<arrow::RecordBatch>& part, Epoch fence,
                                       const std::string& token, const Status& refusal) {
  if (part->num_rows() == 1) {
    WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, row_ids(*part));
    return quarantine_(ids.front(), refusal.message());
  }
  const int64_t half = part->num_rows() / 2;
  WEIR_RETURN_IF_ERROR(insert_part(part->Slice(0, half), fence, token + "a"));
  return insert_part(part->Slice(half), fence, token + "b");
}

}  // namespace weir::pipeline
