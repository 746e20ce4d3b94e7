#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/object_store.h"

namespace weir::maintain {

/// What lies in a table's `_delta_log`. Value type.
struct DeltaLog {
  int64_t entries = 0;
  int64_t bytes = 0;  ///< Of everything in it.
  std::optional<int64_t> oldest_entry;
  std::optional<int64_t> newest_entry;
  std::optional<int64_t> newest_checkpoint;
  std::optional<int64_t> oldest_checkpoint;

  /// The oldest version that can be built from what is there; empty: none can.
  [[nodiscard]] std::optional<int64_t> oldest_version() const;
  /// Commits since the newest checkpoint.
  [[nodiscard]] int64_t commits_since_checkpoint() const;
};

/// From the names in the log's folder; names that are neither an entry nor a checkpoint count by their bytes only.
[[nodiscard]] DeltaLog summarize_log(const std::vector<engine::ObjectEntry>& objects);

/// Lists the log of the lake's table. A table that is not there has an empty one.
[[nodiscard]] Result<DeltaLog> read_delta_log(const engine::ObjectReader& objects, const std::string& table);

/// When the version was committed, as its commitInfo says; milliseconds since 1970 UTC. Empty: its entry is not there any
/// more, or says nothing.
[[nodiscard]] Result<std::optional<int64_t>> commit_time_ms(const engine::ObjectReader& objects, const std::string& table,
                                                            int64_t version);

}  // namespace weir::maintain
