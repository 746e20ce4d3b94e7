#include "decode/batch_columns.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>

#include "decode/nested_value.h"

namespace weir {

BatchColumns::BatchColumns(const Plan& plan, int32_t shard)
    : shard_(shard),
      schema_(input_arrow_schema(plan)),
      shards_({.kind = TypeKind::kInt32}, false),
      seqs_({.kind = TypeKind::kInt64}, false),
      rows_({.kind = TypeKind::kInt32}, false),
      times_({.kind = TypeKind::kTimestamp}, false),
      subjects_({.kind = TypeKind::kString}, false) {
  for (const InputColumn& column : plan.input) {
    const bool nullable = !column.required && !column.default_json.has_value();
    slots_.push_back({.column = &column, .writer = ColumnWriter(column.type, nullable)});
  }
}

// Visits the columns in the order of the schema, up to the first failure.
template <typename Visit>
Status BatchColumns::for_each_writer(Visit visit) {
  for (InputSlot& slot : slots_) WEIR_RETURN_IF_ERROR(visit(&slot.writer));
  for (ColumnWriter* writer : {&shards_, &seqs_, &rows_, &times_, &subjects_}) WEIR_RETURN_IF_ERROR(visit(writer));
  return ok_status();
}

Status BatchColumns::begin(int64_t rows) {
  row_ = 0;
  rows_reserved_ = std::max<int64_t>(rows, 1);
  return for_each_writer([this](ColumnWriter* writer) { return writer->begin(rows_reserved_); });
}

Status BatchColumns::reserve_row() {
  if (row_ < rows_reserved_) return ok_status();
  rows_reserved_ = 2 * row_;
  return for_each_writer([this](ColumnWriter* writer) { return writer->reserve(rows_reserved_); });
}

bool BatchColumns::complete(uint64_t event, Fault* fault) {
  for (InputSlot& slot : slots_) {
    if (slot.written_in == event) continue;
    const InputColumn& column = *slot.column;
    if (column.required) {
      *fault = {RejectCode::kMissingField, to_string(column.from), "column " + column.name + " is required"};
      return false;
    }
    if (!column.default_json.has_value()) {
      slot.writer.write_null(row_);
    } else if (!write_json_value(*column.default_json, false, row_, &slot.writer, &scratch_, fault)) {
      return false;  // Cannot happen: create() has tried the default.
    }
  }
  return true;
}

void BatchColumns::commit(const Message& message, int32_t row_in_message) {
  shards_.write_int32(row_, shard_);
  seqs_.write_int64(row_, message.seq.value);
  rows_.write_int32(row_, row_in_message);
  times_.write_int64(row_, message.time_us);
  subjects_.write_bytes(row_, message.subject);
  ++row_;
}

Result<std::shared_ptr<arrow::RecordBatch>> BatchColumns::finish() {
  std::vector<std::shared_ptr<arrow::Array>> arrays;
  WEIR_RETURN_IF_ERROR(for_each_writer([](ColumnWriter* writer) { return writer->failure(); }));
  WEIR_RETURN_IF_ERROR(for_each_writer([&](ColumnWriter* writer) -> Status {
    WEIR_ASSIGN_OR_RETURN(std::shared_ptr<arrow::Array> array, writer->finish(row_));
    arrays.push_back(std::move(array));
    return ok_status();
  }));
  return arrow::RecordBatch::Make(schema_, row_, std::move(arrays));
}

}  // namespace weir
