#include "backfill/hot_unit_reader.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <utility>

#include "batch/arrow_memory.h"
#include "engine/query.h"
#include "lake/row_cast.h"

namespace weir::backfill {

HotUnitReader::HotUnitReader(std::shared_ptr<arrow::RecordBatchReader> rows, std::shared_ptr<arrow::Schema> schema,
                             HotBlockLimits limits)
    : rows_(std::move(rows)), schema_(std::move(schema)), limits_(limits) {
  read_ahead();
}

Result<std::unique_ptr<HotUnitReader>> HotUnitReader::open(const HotUnitSource& source, const HotUnit& unit,
                                                           const HotBlockLimits& limits) {
  std::string columns;
  for (const auto& field : source.schema->fields()) {
    if (!columns.empty()) columns += ", ";
    if (!source.columns.contains(field->name())) columns += "NULL AS ";
    columns += '"';
    columns += field->name();
    columns += '"';
  }
  engine::QueryTable table;
  table.name = kJobRelation;
  table.snapshot = &source.snapshot;
  table.files = unit.files;
  WEIR_ASSIGN_OR_RETURN(auto rows, engine::query(source.engine, {table},
                                                 "SELECT " + columns + from_where_sql(source.spec, source.hand_over)));
  return std::unique_ptr<HotUnitReader>(new HotUnitReader(std::move(rows), source.schema, limits));
}

void HotUnitReader::read_ahead() {
  ahead_ = std::async(std::launch::async, [this] { return read_block(); });
}

Result<std::shared_ptr<arrow::RecordBatch>> HotUnitReader::next() {
  if (!ahead_.valid()) return std::shared_ptr<arrow::RecordBatch>();
  auto block = ahead_.get();
  if (block.ok() && *block != nullptr) read_ahead();
  return block;
}

Result<std::shared_ptr<arrow::RecordBatch>> HotUnitReader::read_block() {
  arrow::RecordBatchVector batches;
  int64_t rows = 0;
  int64_t bytes = 0;
  while (rows < limits_.rows_max && bytes < limits_.bytes_max) {
    std::shared_ptr<arrow::RecordBatch> read;
    if (const auto status = rows_->ReadNext(&read); !status.ok()) {
      return unavailable("reading the lake: " + status.ToString());
    }
    if (read == nullptr) break;
    if (read->num_rows() == 0) continue;
    WEIR_ASSIGN_OR_RETURN(auto cast, lake::cast_rows(*read, schema_));
    rows += cast->num_rows();
    bytes += batch_bytes(*cast);
    batches.push_back(std::move(cast));
  }
  if (batches.empty()) return std::shared_ptr<arrow::RecordBatch>();
  if (batches.size() == 1) return batches.front();
  auto joined = arrow::ConcatenateRecordBatches(batches);
  if (!joined.ok()) return from_arrow(joined.status());
  return *joined;
}

}  // namespace weir::backfill
