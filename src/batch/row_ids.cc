#include "batch/row_ids.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>

#include "base/digest.h"
#include "batch/arrow_memory.h"

namespace weir {
namespace {

struct IdColumns {
  const arrow::Int64Array* seq;
  const arrow::Int32Array* row;
};

Result<IdColumns> id_columns(const arrow::RecordBatch& rows) {
  const auto seq = rows.GetColumnByName("_seq");
  const auto row = rows.GetColumnByName("_row");
  if (seq == nullptr || row == nullptr || seq->type_id() != arrow::Type::INT64 || row->type_id() != arrow::Type::INT32) {
    return internal_error("rows without _seq BIGINT and _row INT: " + rows.schema()->ToString());
  }
  // The batch keeps its columns alive; the casts are checked by the type ids above.
  return IdColumns{static_cast<const arrow::Int64Array*>(seq.get()), static_cast<const arrow::Int32Array*>(row.get())};
}

}  // namespace

Result<std::vector<RowId>> row_ids(const arrow::RecordBatch& rows) {
  WEIR_ASSIGN_OR_RETURN(const IdColumns ids, id_columns(rows));
  std::vector<RowId> result;
  result.reserve(static_cast<size_t>(rows.num_rows()));
  for (int64_t i = 0; i < rows.num_rows(); ++i) result.push_back({Seq{ids.seq->Value(i)}, ids.row->Value(i)});
  return result;
}

Result<std::shared_ptr<arrow::RecordBatch>> rows_without(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                         const std::vector<RowId>& present) {
  WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, row_ids(*rows));
  // Runs of rows to keep are zero-copy slices; rows are sorted, so in practice there are one or two.
  arrow::RecordBatchVector kept;
  int64_t run_start = 0;
  const auto close_run = [&](int64_t end) {
    if (end > run_start) kept.push_back(rows->Slice(run_start, end - run_start));
    run_start = end + 1;
  };
  for (int64_t i = 0; i < rows->num_rows(); ++i) {
    if (std::binary_search(present.begin(), present.end(), ids[static_cast<size_t>(i)])) close_run(i);
  }
  close_run(rows->num_rows());
  if (kept.empty()) return rows->Slice(0, 0);
  if (kept.size() == 1) return kept.front();
  auto joined = arrow::ConcatenateRecordBatches(kept);
  if (!joined.ok()) return from_arrow(joined.status());
  return *joined;
}

std::string row_ids_digest(const arrow::RecordBatch& rows) {
  const auto ids = row_ids(rows);
  if (!ids.ok()) return digest_hex("");
  std::string bytes;
  bytes.reserve(ids->size() * 12);
  for (const RowId& id : *ids) {
    bytes.append(reinterpret_cast<const char*>(&id.seq.value), sizeof(id.seq.value));
    bytes.append(reinterpret_cast<const char*>(&id.row), sizeof(id.row));
  }
  return digest_hex(bytes);
}

}  // namespace weir
