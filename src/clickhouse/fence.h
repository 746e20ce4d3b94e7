#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/status.h"
#include "clickhouse/client.h"
#include "ports/hot_table.h"

namespace weir::clickhouse {

/// The epoch of each (table, writer), kept in a Join table beside the user's tables, so that an INSERT can check it
/// inside its own statement: a process that was paused and replaced finds a higher epoch there, however late its INSERT
/// comes. Thread-safe. `client` and `clock` must outlive it.
class Fence {
 public:
  Fence(Client& client, const Clock& clock, std::string table, std::chrono::milliseconds wait_max)
      : client_(client), clock_(clock), table_(std::move(table)), wait_max_(wait_max) {}

  /// The epoch of the writer, 0 when there is none.
  [[nodiscard]] Result<Epoch> epoch(const HotWriter& writer);

  /// See HotTable::raise_fence. kUnavailable also when an older INSERT does not end in time.
  [[nodiscard]] Status raise(const HotWriter& writer, Epoch epoch);

  /// Condition of an INSERT's WHERE, with the parameters fence_key and epoch.
  [[nodiscard]] std::string condition() const;

  /// Key of the writer in the fence table: `<table>/<shard>`, in bulk `<table>/<shard>-bulk`.
  [[nodiscard]] std::string key(const HotWriter& writer) const;

  /// Query id of a statement that raise() must be able to find and end: `<database>/<key>/<rest>`. No writer's begins like
  /// another's, so raising one fence ends nothing of the other.
  [[nodiscard]] std::string query_id(const HotWriter& writer, std::string_view rest) const;

 private:
  [[nodiscard]] Status write_if_lower(const HotWriter& writer, Epoch epoch);
  [[nodiscard]] Status end_older_statements(const HotWriter& writer);

  Client& client_;
  const Clock& clock_;
  const std::string table_;
  const std::chrono::milliseconds wait_max_;
};

}  // namespace weir::clickhouse
