#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/cluster.h"
#include "engine/delta_table.h"
#include "engine/engine.h"

namespace arrow {
class RecordBatchReader;
}

namespace weir::engine {

/// A table version under the name that the SQL uses for it.
struct QueryTable {
  std::string name;
  const Snapshot* snapshot = nullptr;  ///< Borrowed for the call only; never null.
  /// Only these data files, by their paths as in TableDescription::data_files. Empty optional: all.
  std::optional<std::vector<std::string>> files = std::nullopt;
};

/// Runs a read-only query and streams its result as it is computed: in this process (`cluster` null), or on a cluster,
/// with the same rows. Strings come as utf8, utf8_view or large_utf8.
/// kInvalidArgument: the SQL is not valid, or would change something; a cluster does not run such a plan, or not with
/// chosen `files`. kNotFound: a snapshot lacks one of `files`. kUnavailable: the cluster does not answer or failed. SQL
/// has weir_row_hash(a, ..), which weir_engine.h defines, here and in SqlPlan. The reader is for one thread at a time,
/// keeps what it needs alive, and reports trouble on the way as an arrow::Status. Thread-safe.
[[nodiscard]] Result<std::shared_ptr<arrow::RecordBatchReader>> query(const Engine& engine,
                                                                      const std::vector<QueryTable>& tables,
                                                                      const std::string& sql,
                                                                      const Cluster* cluster = nullptr);

}  // namespace weir::engine
