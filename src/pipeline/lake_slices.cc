#include "pipeline/lake_slices.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include "batch/arrow_memory.h"
#include "batch/row_ids.h"

namespace weir::pipeline {
namespace {

SlicePtr make_slice(int32_t shard, SeqRange range, const std::shared_ptr<arrow::RecordBatch>& rows) {
  auto slice = std::make_shared<Slice>();
  slice->shard = shard;
  slice->range = range;
  slice->rows = rows;
  slice->events = rows->num_rows();
  slice->bytes = batch_bytes(*rows);
  return slice;
}

}  // namespace

Status for_each_lake_slice(LakeTable& table, int32_t shard, SeqRange range, const std::stop_token& stop,
                           const std::function<Status(const SlicePtr&)>& take) {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table.snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto reader, table.read(*snapshot, shard, range));
  Seq next = range.first;
  std::shared_ptr<arrow::RecordBatch> held;  // Rows whose message may go on in the next batch.
  while (true) {
    if (stop.stop_requested()) return shutting_down("reading the lake");
    std::shared_ptr<arrow::RecordBatch> read;
    if (const auto status = reader->ReadNext(&read); !status.ok()) {
      return unavailable("reading the lake: " + status.ToString());
    }
    if (read == nullptr) break;
    if (read->num_rows() == 0) continue;
    if (held != nullptr) {
      auto joined = arrow::ConcatenateRecordBatches({held, read});
      if (!joined.ok()) return from_arrow(joined.status());
      read = *joined;
    }
    WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(*read));
    const Seq open = ids.back().seq;
    int64_t complete = read->num_rows();
    while (complete > 0 && ids[static_cast<size_t>(complete - 1)].seq == open) --complete;
    held = read->Slice(complete);
    if (complete == 0) continue;
    WEIR_RETURN_IF_ERROR(take(make_slice(shard, {next, open - 1}, read->Slice(0, complete))));
    next = open;
  }
  if (held == nullptr) {
    auto empty = arrow::RecordBatch::MakeEmpty(reader->schema());
    if (!empty.ok()) return from_arrow(empty.status());
    held = *empty;
  }
  return take(make_slice(shard, {next, range.last}, held));
}

}  // namespace weir::pipeline
