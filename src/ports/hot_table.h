#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace arrow {
class RecordBatch;
}

namespace weir {

/// One INSERT: rows of one partition of one shard. `token` names this attempt to write them: never used again for other
/// rows, nor after an outcome that was not clear.
struct HotInsert {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Row columns then system columns; not empty.
  std::string token;
  int32_t shard = 0;
  Epoch epoch;  ///< Checked on the server, inside the statement, against the fence.
};

/// One ClickHouse table (plain MergeTree) with its fence. Thread-safe.
class HotTable {
 public:
  virtual ~HotTable() = default;

  /// Creates the database, the table and the fence where they are absent; true when the table itself was created now.
  /// kInvalidArgument: a table of that name has other columns or another owner; the message says how to mend it.
  [[nodiscard]] virtual Result<bool> ensure() = 0;

  /// Splits rows so that each part is what one INSERT may hold: one partition. Order inside a part is kept.
  [[nodiscard]] virtual Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> split_by_partition(
      const std::shared_ptr<arrow::RecordBatch>& rows) = 0;

  /// One fenced INSERT of one block. kFenced: the fence does not hold `epoch`, no row went in; fence() tells whether a
  /// higher one is there or the server lost ours. kUnavailable, kResourceExhausted: the server said no before it could
  /// have taken anything. kRejected: it can never take these rows; none went in. kNotFound: the table or the fence is not
  /// there: ensure(). kInvalidArgument, kPermissionDenied: the statement or we ourselves are refused, whatever the rows.
  /// kOutcomeUnknown: anything else; the rows may be in, may come in later, or never.
  [[nodiscard]] virtual Status insert(const HotInsert& insert) = 0;

  /// Identities present in `range`, sorted. Rows there twice are listed twice.
  [[nodiscard]] virtual Result<std::vector<RowId>> read_ids(int32_t shard, SeqRange range) = 0;

  /// Lowest and highest _seq present for the shard; an empty range when it has no row.
  [[nodiscard]] virtual Result<SeqRange> seq_bounds(int32_t shard) = 0;

  /// The epoch the fence holds for the shard, 0 when absent.
  [[nodiscard]] virtual Result<Epoch> fence(int32_t shard) = 0;

  /// Sets the fence to `epoch` unless a higher one is there (kFenced), then waits until no older INSERT of the shard
  /// still runs. Afterwards nothing of an older epoch can become visible.
  [[nodiscard]] virtual Status raise_fence(int32_t shard, Epoch epoch) = 0;

  /// Deletes rows of `range` (an accepted gap's lost tail) and waits until it is done.
  [[nodiscard]] virtual Status erase(int32_t shard, SeqRange range) = 0;
};

}  // namespace weir
