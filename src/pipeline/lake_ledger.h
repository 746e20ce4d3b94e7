#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "ports/lake_table.h"

namespace arrow {
class RecordBatch;
}

namespace weir::pipeline {

/// The commit protocol of one (table, shard) in one Delta table: the position is an application transaction, the fence is
/// another, and both move in the same commit as the rows. Used by the lake sink and the dead-letter sink alike.
///
/// Delta gives optimistic concurrency: two commits that carry the same app id conflict. It does NOT compare versions (a
/// writer may repeat or lower one), so the comparison with the snapshot that the commit is based on is ours.
/// One thread at a time; `table` must outlive it.
class LakeLedger {
 public:
  /// `app_id` is weir/<table>/<shard>. `initial` is the position where the table never saw this app id; without it such a
  /// table is refused, because a lost position would make rows double.
  LakeLedger(LakeTable& table, std::string app_id, Epoch epoch, std::optional<Seq> initial = std::nullopt);

  /// Makes our epoch the one in the table and returns the position: by a transaction-only commit when it is lower, and after a
  /// commit with an unknown outcome. What can be seen then may not be on disk yet (the sync of the log's folder may have
  /// failed); a commit that was made behind it, and synced, has it there.
  /// kFenced: a higher epoch is there. kDataLoss: the table has lost its position. Otherwise as LakeTable.
  [[nodiscard]] Result<Seq> take_over();

  /// One commit that moves the position from `expected` to `last`, with `files` (may be null) and `also` in it. The snapshot
  /// it is based on holds position == expected and our epoch, else kConflict and nothing is written.
  [[nodiscard]] Status commit(Seq expected, Seq last, const LakeFiles* files, const std::vector<LakeTxn>& also,
                              std::string_view info_json);

  /// What a commit() is to carry: `rows`, written now, and what others wrote (LakeFiles::describe()). Null: neither.
  [[nodiscard]] Result<std::unique_ptr<LakeFiles>> files_of(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows,
                                                            std::vector<std::string> staged);

  /// Value of `weir/<table>/<shard>/<name>` in the snapshot last seen; 0 when absent.
  [[nodiscard]] Result<int64_t> counter(std::string_view name) const;

  [[nodiscard]] std::string app_id_of(std::string_view name) const { return app_id_ + "/" + std::string(name); }
  [[nodiscard]] Seq position() const { return position_; }
  [[nodiscard]] LakeTable& table() { return table_; }

 private:
  LakeTable& table_;
  const std::string app_id_;
  const Epoch epoch_;
  const std::optional<Seq> initial_;
  std::shared_ptr<const LakeSnapshot> snapshot_;  // The one every commit is based on; replaced by each success.
  Seq position_{0};
  bool unsure_ = false;  // The last commit may have landed without being durable.
};

}  // namespace weir::pipeline
