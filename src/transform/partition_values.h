#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace arrow {
class RecordBatch;
}

namespace weir::transform {

/// Code of the dead letter of a row that no partition of a Delta table can hold (docs/formats/dead-letters.md).
inline constexpr std::string_view kBadPartitionCode = "bad_partition";

/// Such a row.
struct PartitionFault {
  RowId id;
  std::string column;
  std::string reason;
};

/// Takes out of `rows` what no partition can hold, in the order of the rows: text that is empty, which Delta reads as NULL,
/// and text that makes the name of its folder, <column>=<percent-encoded text>, longer than the 255 bytes of a file
/// system, or than the column's equal share of the 700 bytes that those of `partition_by` have together (keys of S3 are
/// short). `rows` has the system columns. kInternal: it has not, or lacks a column of `partition_by`.
[[nodiscard]] Result<std::vector<PartitionFault>> take_out_unplaceable(const std::vector<std::string>& partition_by,
                                                                       std::shared_ptr<arrow::RecordBatch>* rows);

}  // namespace weir::transform
