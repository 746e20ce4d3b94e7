#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/status.h"
#include "batch/slice.h"
#include "lake/delta_lake_table.h"

namespace arrow {
class RecordBatch;
class Schema;
}  // namespace arrow

namespace weir::lake {

/// Columns of `_dead_letters` (docs/formats/lake.md): table, the system columns, code, pointer, reason, payload,
/// headers.
[[nodiscard]] std::shared_ptr<arrow::Schema> dead_letter_schema();

/// The dead letters of one pipeline, seen from one of its tables: reads return only that table's (empty name: those of
/// all tables). Several such views of one lake write the same Delta table, which appears with the first of them. A lake
/// holds the dead letters of one pipeline; another one is refused.
[[nodiscard]] TableDefinition dead_letter_definition(std::string_view pipeline, std::string_view table);

/// Rejects as rows of `_dead_letters`, in the order given. Text that is not UTF-8 (subject, pointer, reason) gets
/// U+FFFD for each bad byte; payload and headers keep their bytes.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatch>> reject_batch(std::string_view table, int32_t shard,
                                                                       std::span<const Reject* const> rejects);

}  // namespace weir::lake
