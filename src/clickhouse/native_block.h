#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "clickhouse/native_type.h"

namespace arrow {
class Buffer;
class RecordBatch;
}  // namespace arrow

namespace weir::clickhouse {

/// A column as the block's header names it.
struct BlockColumn {
  std::string name;
  std::string type_text;  ///< ClickHouse's spelling, e.g. "Nullable(Int64)".
  NativeType type;        ///< The same, parsed.
};

/// Rows as one block of ClickHouse's Native format, revision 0 (as files and HTTP carry it;
/// docs/formats/clickhouse.md). `columns` are taken from the batch by name, in their own order. Fixed-width columns are
/// one copy; strings may come in any Arrow layout; other types that differ from arrow_type_of() are cast, exactly or
/// not at all.
///
/// kRejected names column and row: a value that ClickHouse's type cannot hold (a date outside 1900..2299, text that is
/// no UUID, a cast that would change the value, NULL where there can be none). kInternal: the batch lacks a column.
/// kResourceExhausted: no memory.
[[nodiscard]] Result<std::shared_ptr<arrow::Buffer>> encode_native_block(const arrow::RecordBatch& rows,
                                                                         const std::vector<BlockColumn>& columns);

}  // namespace weir::clickhouse
