#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "pipeline/lake_ledger.h"
#include "ports/sink.h"

namespace arrow {
class RecordBatch;
}

namespace weir::pipeline {

/// The rejects of one (table, shard) in the shared Delta table `_dead_letters`. Its position moves only with a commit that
/// carries rejects; it may stand above the table's lake position after a crash, and readers see only dead letters at or
/// below that one (I1).
class DeadLetterSink final : public Sink {
 public:
  /// Rejects as rows of the dead-letter table.
  using RejectRows = std::function<Result<std::shared_ptr<arrow::RecordBatch>>(const std::vector<const Reject*>&)>;

  DeadLetterSink(LakeTable& table, std::string table_name, int32_t shard, Epoch epoch, RejectRows reject_rows);

  Result<Seq> resolve() override;

  /// Commits the rejects of the slices above the position; without any it does nothing. Requires: no slice straddles the
  /// position.
  Status write(const std::vector<std::shared_ptr<const Slice>>& slices) override;
  Seq position() const override { return ledger_.position(); }

 private:
  LakeLedger ledger_;
  const RejectRows reject_rows_;
};

}  // namespace weir::pipeline
