#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pipeline/hot_inserter.h"
#include "ports/hot_table.h"
#include "ports/key_value.h"

namespace weir::pipeline {

struct HotBulkOptions {
  std::string table;
  int32_t shard = 0;
  Epoch epoch;                             ///< Of the lease under which this runs.
  std::optional<Seq> upper_without_live;   ///< Shards below 0 (files): how far they reach. Ignored for the others.
  int64_t look_ids_max = 200'000;          ///< Identities read back at once, beside as many as four times the batch has.
};

/// History into ClickHouse beside live ingest: rows at or below the live path's position, in any order, each exactly once
/// (docs/decisions/0007). It announces nothing and trusts no token: it looks which rows are there and inserts the others,
/// under a fence of its own. Because only the holder of that fence inserts, and resolve() raises it, what was looked at
/// stays true until it is inserted.
///
/// One per (table, shard) in a process, for as long as the process has the shard; jobs exclude each other. Thread-safe: any number of threads may write()
/// at once, provided that no row is in two of their batches. `table` and `key_value` must outlive it, and `quarantine`
/// must be thread-safe.
///
/// A caller that runs for long compares table_id() after every resolve() and once more at its end with the one it began
/// with: another one means that the table was dropped meanwhile, and all that was written into it is gone.
class HotBulkSink {
 public:
  HotBulkSink(HotTable& table, KeyValue& key_value, HotBulkOptions options, Quarantine quarantine);

  /// Takes the shard's bulk fence and returns the highest sequence that write() takes from now on. Does nothing when
  /// nothing went wrong since the last one, so that threads whose writes failed together raise the fence once; expire()
  /// before it for a newer bound.
  ///
  /// kFenced: a newer process has the shard; give up. kUnavailable: a store does not answer, or the live path has no
  /// position in this table yet, or KV lost it: ShardRunner::recheck() mends the latter; try again. kNotFound: somebody
  /// dropped the table; recheck() makes it again. kConflict: raced with the live path; try again.
  [[nodiscard]] Result<Seq> resolve();

  /// Makes the rows present exactly once. They have the shard's identities in any order and any partitions, each once.
  /// Success: all are in, or were, or are quarantined. kConflict, kOutcomeUnknown: resolve(), then write the same rows
  /// again; until then no other write() inserts either. kUnavailable, kResourceExhausted: the same again after a pause.
  /// kNotFound: as for resolve(). kFenced: give up. kDataLoss: a row is twice in ClickHouse, or twice in the batch.
  /// kInternal: a row lies above the bound. Memory: the batch, and identities in proportion to it.
  [[nodiscard]] Status write(const std::shared_ptr<arrow::RecordBatch>& rows);

  /// Makes the next resolve() take fence and bound anew: for the next job.
  void expire();

  /// HotTable::table_id() as the last successful resolve() saw it.
  [[nodiscard]] std::string table_id() const;

  /// Rows that write() inserted, not those it found.
  [[nodiscard]] int64_t rows_inserted() const { return rows_inserted_; }

 private:
  struct Grant {  // What the last resolve() established.
    Epoch fence;
    Seq upper{0};
    std::string table_id;
    uint64_t generation = 0;
    bool valid = false;
  };

  Result<Epoch> raise_fence();
  Result<Seq> read_upper();
  Status insert_missing(const std::shared_ptr<arrow::RecordBatch>& rows, std::span<const RowId> wanted, Epoch fence);
  Status look(std::span<const RowId> wanted, std::vector<RowId>* present);
  Status look_in_halves(std::span<const RowId> wanted, std::vector<RowId>* present);
  Grant grant() const;
  void revoke(uint64_t generation);

  HotTable& table_;
  KeyValue& key_value_;
  const HotBulkOptions options_;
  const HotWriter writer_;
  HotInserter inserter_;
  std::mutex resolving_;       // Held through a whole resolve().
  Epoch raised_{0};            // Highest ever asked for; guarded by resolving_.
  mutable std::mutex mutex_;   // Held for moments only.
  Grant grant_;
  std::atomic<int64_t> writes_ = 0;  // Makes every token another.
  std::atomic<int64_t> rows_inserted_ = 0;
};

}  // namespace weir::pipeline
