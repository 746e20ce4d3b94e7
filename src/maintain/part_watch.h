#pragma once

#include "clickhouse/client.h"
#include "maintain/step_report.h"

namespace weir::maintain {

/// Active parts a partition may have before somebody should look. ClickHouse delays inserts at 1,000 and refuses them at
/// 3,000 (its defaults).
inline constexpr int64_t kPartsMax = 100;

/// How many active parts the table's partitions have in ClickHouse; kWarning names the partition with the most when it has
/// more than kPartsMax, and what to do. A ClickHouse that does not answer is kSkipped: that is for others to report.
[[nodiscard]] StepReport watch_parts(clickhouse::Client& client, const std::string& table);

}  // namespace weir::maintain
