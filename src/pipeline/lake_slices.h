#pragma once

#include <functional>
#include <stop_token>

#include "base/ids.h"
#include "base/status.h"
#include "pipeline/actions.h"
#include "ports/lake_table.h"

namespace weir::pipeline {

/// Rows of `range` of one shard as consecutive slices that cover it without a hole, as a sink wants them. A slice ends
/// between messages. Ends early with kShuttingDown when stopped, or with the first error of the table or of `take`.
/// Memory: two of the table's read batches.
[[nodiscard]] Status for_each_lake_slice(LakeTable& table, int32_t shard, SeqRange range, const std::stop_token& stop,
                                         const std::function<Status(const SlicePtr&)>& take);

}  // namespace weir::pipeline
