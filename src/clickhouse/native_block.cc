#include "clickhouse/native_block.h"

#include <arrow/buffer.h>
#include <arrow/record_batch.h>

#include "batch/arrow_memory.h"
#include "clickhouse/column_encoder.h"

namespace weir::clickhouse {

Result<std::shared_ptr<arrow::Buffer>> encode_native_block(const arrow::RecordBatch& rows,
                                                           const std::vector<BlockColumn>& columns) {
  BlockBytes bytes;
  WEIR_RETURN_IF_ERROR(bytes.reserve(batch_bytes(rows) * 9 / 8));
  WEIR_RETURN_IF_ERROR(bytes.append_varint(columns.size()));
  WEIR_RETURN_IF_ERROR(bytes.append_varint(static_cast<uint64_t>(rows.num_rows())));
  for (const BlockColumn& column : columns) {
    const std::shared_ptr<arrow::Array> values = rows.GetColumnByName(column.name);
    if (values == nullptr) return internal_error("the rows for ClickHouse lack the column \"" + column.name + "\"");
    WEIR_RETURN_IF_ERROR(bytes.append_string(column.name));
    WEIR_RETURN_IF_ERROR(bytes.append_string(column.type_text));
    if (rows.num_rows() == 0) continue;
    if (Status status = encode_column(values, column.type, &bytes); !status.ok()) {
      return status.with_context("column \"" + column.name + "\"");
    }
  }
  return bytes.finish();
}

}  // namespace weir::clickhouse
