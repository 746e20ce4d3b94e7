#include "audit/lake_query.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include "lake/row_cast.h"

namespace weir::audit {

Status LakeQuery::each_batch(const std::string& sql, const std::shared_ptr<arrow::Schema>& schema,
                             const std::function<Status(const arrow::RecordBatch&)>& take) const {
  WEIR_ASSIGN_OR_RETURN(const auto reader, engine::query(*engine_, {table_}, sql));
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const auto status = reader->ReadNext(&batch); !status.ok()) return unavailable(status.message());
    if (batch == nullptr) return ok_status();
    WEIR_ASSIGN_OR_RETURN(const auto cast, lake::cast_rows(*batch, schema));
    WEIR_RETURN_IF_ERROR(take(*cast));
  }
}

std::string quoted_name(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

}  // namespace weir::audit
