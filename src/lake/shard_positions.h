#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/ids.h"

namespace weir::lake {

/// Every shard of which the table's transactions (TableDescription::txns) hold a position: 0 and up for streams, below 0 for
/// loaded files.
[[nodiscard]] std::map<int32_t, Seq> shard_positions(const std::map<std::string, int64_t>& txns, std::string_view table);

/// The highest epoch that any of the table's shards was ever written under; 0: none was.
[[nodiscard]] Epoch highest_epoch(const std::map<std::string, int64_t>& txns, std::string_view table);

}  // namespace weir::lake
