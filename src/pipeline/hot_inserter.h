#pragma once

#include <functional>
#include <memory>
#include <string>

#include "ports/hot_table.h"

namespace arrow {
class RecordBatch;
}

namespace weir::pipeline {

/// Keeps for good that ClickHouse refused a row it can never take. Failing keeps the sink from going on.
using Quarantine = std::function<Status(RowId row, const std::string& reason)>;

/// Puts rows into ClickHouse for one writer, what the live path and bulk have in common: one INSERT per partition, a refused
/// block halved until the rows at fault stand alone, and what a lost fence means. Thread-safe when `quarantine` is.
/// `table` must outlive it.
class HotInserter {
 public:
  HotInserter(HotTable& table, HotWriter writer, Quarantine quarantine)
      : table_(table), writer_(writer), quarantine_(std::move(quarantine)) {}

  /// Inserts `rows` (may be empty) under `fence`. The first failure ends it: what was inserted before stays in. `token`:
  /// different with every call. kFenced: a newer process has the shard. kConflict: the fence is not ours any more, but
  /// nobody newer's either; raise it again. All others: as HotTable::insert().
  [[nodiscard]] Status insert(const std::shared_ptr<arrow::RecordBatch>& rows, Epoch fence, const std::string& token);

 private:
  Status insert_part(const std::shared_ptr<arrow::RecordBatch>& part, Epoch fence, const std::string& token);
  Status quarantine_refused(const std::shared_ptr<arrow::RecordBatch>& part, Epoch fence, const std::string& token,
                            const Status& refusal);

  HotTable& table_;
  const HotWriter writer_;
  const Quarantine quarantine_;
};

}  // namespace weir::pipeline
