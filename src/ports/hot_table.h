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

/// Who writes. A shard's rows come into a table on two paths: live, in order, above hot_position, and in bulk (history, in
/// any order) at or below it. Each path has a fence of its own, so that neither can end or admit the other's INSERTs.
struct HotWriter {
  enum class Path { kLive, kBulk };
  int32_t shard = 0;  ///< Below 0: rows that came from files. They have no live path.
  Path path = Path::kLive;
  friend bool operator==(const HotWriter&, const HotWriter&) = default;
};
[[nodiscard]] inline HotWriter live_writer(int32_t shard) { return {shard, HotWriter::Path::kLive}; }
[[nodiscard]] inline HotWriter bulk_writer(int32_t shard) { return {shard, HotWriter::Path::kBulk}; }

/// One INSERT: rows of one partition of one shard. `token` names this attempt to write them: never used again for other
/// rows, nor after an outcome that was not clear.
struct HotInsert {
  std::shared_ptr<arrow::RecordBatch> rows;  ///< Row columns then system columns; not empty.
  std::string token;
  HotWriter writer;
  Epoch epoch;  ///< Checked on the server, inside the statement, against the fence.
};

/// One ClickHouse table (plain MergeTree) with its fences. Thread-safe.
class HotTable {
 public:
  virtual ~HotTable() = default;

  /// Creates the database, the table and the fence where they are absent; true when the table itself was created now. Then
  /// all readers' views of an earlier table were withdrawn before.
  /// kInvalidArgument: a table of that name has other columns or another owner; the message says how to mend it.
  [[nodiscard]] virtual Result<bool> ensure() = 0;

  /// Names the table that is there now: another one after it was dropped and made again. Empty when the store cannot tell.
  /// kNotFound: there is none.
  [[nodiscard]] virtual Result<std::string> table_id() = 0;

  /// Splits rows so that each part is what one INSERT may hold: one partition. Order inside a part is kept.
  [[nodiscard]] virtual Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> split_by_partition(
      const std::shared_ptr<arrow::RecordBatch>& rows) = 0;

  /// One fenced INSERT of one block. kFenced: the fence does not hold `epoch`, no row went in; fence() tells whether a
  /// higher one is there or the server lost ours. kUnavailable, kResourceExhausted: the server said no before it could
  /// have taken anything. kRejected: it can never take these rows; none went in. kNotFound: the table or the fence is not
  /// there: ensure(). kInvalidArgument, kPermissionDenied: the statement or we ourselves are refused, whatever the rows.
  /// kOutcomeUnknown: anything else; the rows may be in, may come in later, or never.
  [[nodiscard]] virtual Status insert(const HotInsert& insert) = 0;

  /// Rows of the shard in `range`, doubled ones counted twice. About a millisecond where there are none.
  [[nodiscard]] virtual Result<int64_t> count_rows(int32_t shard, SeqRange range) = 0;

  /// Identities present in `range`, sorted. Rows there twice are listed twice. kResourceExhausted: more than the adapter
  /// takes at once; read it in parts.
  [[nodiscard]] virtual Result<std::vector<RowId>> read_ids(int32_t shard, SeqRange range) = 0;

  /// Lowest and highest _seq present for the shard; an empty range when it has no row.
  [[nodiscard]] virtual Result<SeqRange> seq_bounds(int32_t shard) = 0;

  /// The epoch the writer's fence holds, 0 when absent.
  [[nodiscard]] virtual Result<Epoch> fence(const HotWriter& writer) = 0;

  /// Sets the writer's fence to `epoch` unless a higher one is there (kFenced), then waits until no older INSERT of the
  /// writer still runs. Afterwards nothing of an older epoch can become visible. Other writers are left alone.
  [[nodiscard]] virtual Status raise_fence(const HotWriter& writer, Epoch epoch) = 0;

  /// Drops the readers' views (schema/reader_view.h) of everything above something lower than `hot_start`: they are no longer
  /// true. Afterwards whoever still reads by one fails, and misses nothing.
  [[nodiscard]] virtual Status withdraw_views(Seq hot_start) = 0;

  /// Makes the readers' view of everything above `hot_start`, or brings its columns up to date. Ok also where no readers are
  /// expected and nothing is made. Any failure leaves the table as it is: rows can be written, readers have to do without.
  [[nodiscard]] virtual Status offer_view(Seq hot_start) = 0;

  /// Deletes rows of `range` (an accepted gap's lost tail) and waits until it is done.
  [[nodiscard]] virtual Status erase(int32_t shard, SeqRange range) = 0;
};

}  // namespace weir
