#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace arrow {
class RecordBatch;
class RecordBatchReader;
}  // namespace arrow

namespace weir {

/// A Delta application transaction: the position of one writer, kept in the table itself.
struct LakeTxn {
  std::string app_id;
  int64_t version = 0;
};

/// `weir/<table>/<shard>`: the application transaction whose version is the shard's position. Persisted: never changes.
[[nodiscard]] inline std::string position_app_id(std::string_view table, int32_t shard) {
  return "weir/" + std::string(table) + "/" + std::to_string(shard);
}

/// One version of the table. Immutable, cheap to keep, thread-safe.
class LakeSnapshot {
 public:
  virtual ~LakeSnapshot() = default;
  [[nodiscard]] virtual int64_t version() const = 0;
  /// Version of the application transaction; empty when this table never saw it.
  [[nodiscard]] virtual Result<std::optional<int64_t>> txn(std::string_view app_id) const = 0;
};

/// Data files written but not committed: nobody reads them before commit() names them.
class LakeFiles {
 public:
  virtual ~LakeFiles() = default;
  [[nodiscard]] virtual int64_t rows() const = 0;
  [[nodiscard]] virtual int64_t bytes() const = 0;
  /// A text from which adopt_files() makes the same, in any process.
  [[nodiscard]] virtual Result<std::string> describe() const = 0;
};

/// One Delta table, append-only. Thread-safe.
class LakeTable {
 public:
  virtual ~LakeTable() = default;

  /// The newest version, read from the log.
  [[nodiscard]] virtual Result<std::shared_ptr<const LakeSnapshot>> snapshot() = 0;

  /// Writes rows as data files, synced where the lake is local. Failure leaves at most unreferenced files.
  [[nodiscard]] virtual Result<std::unique_ptr<LakeFiles>> write_files(
      const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) = 0;

  /// Files of this table that others wrote, as LakeFiles::describe() said, all together. kNotFound: one of them is not
  /// there, or is another one.
  [[nodiscard]] virtual Result<std::unique_ptr<LakeFiles>> adopt_files(const std::vector<std::string>& descriptions) = 0;

  /// Makes `files` (may be null: transactions only) visible in ONE commit on top of `base`, together with `txns`.
  /// kConflict: another writer moved one of these app ids since `base`. kOutcomeUnknown: take a new snapshot() and compare
  /// its transactions before anything else. Success means synced. `info_json`: an object, merged into commitInfo.
  [[nodiscard]] virtual Result<std::shared_ptr<const LakeSnapshot>> commit(
      const LakeSnapshot& base, const LakeFiles* files, const std::vector<LakeTxn>& txns,
      std::string_view info_json) = 0;

  /// Rows of one shard and range, sorted by (_seq, _row), as batches of bounded size.
  [[nodiscard]] virtual Result<std::shared_ptr<arrow::RecordBatchReader>> read(
      const LakeSnapshot& snapshot, int32_t shard, SeqRange range) = 0;

  /// Writes a checkpoint of the newest version; later snapshots start from it.
  [[nodiscard]] virtual Status checkpoint() = 0;
};

}  // namespace weir
