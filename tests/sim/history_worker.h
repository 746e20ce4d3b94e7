#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "pipeline/hot_bulk_sink.h"
#include "tests/sim/invariants.h"

namespace weir::sim {

/// Runs backfills lake -> ClickHouse in one process, as the product's job runner does: newest rows first, in blocks, what is
/// done kept for the next process now and then, all over again when the table turns out to be another one. Re-entrant
/// where the product has several threads: while one step stands still inside a write, others may run.
class HistoryWorker {
 public:
  using Random = std::function<int64_t(int64_t below)>;

  /// `keep_job`: what becomes of storing a job; may let others run first.
  HistoryWorker(Stores& stores, LakeTable& lake, HotTable& table, KeyValue& key_value, Epoch epoch, Random random,
                std::function<Status()> keep_job);

  /// One call of the sink, or a decision. True: the live path should look at ClickHouse again.
  bool step();

  /// Begins a new job that covers everything, instead of the one there is.
  void start_over();

  /// Replaced by a newer process, or broken: does nothing more.
  [[nodiscard]] bool stopped() const { return stopped_; }
  /// What no correct run meets; empty otherwise.
  [[nodiscard]] const std::string& violation() const { return violation_; }

 private:
  bool resolve();
  Status plan(Seq upper);
  bool write_block(size_t block);
  void finish();
  bool after(const Status& status);
  [[nodiscard]] std::vector<RowId> block_rows(size_t block) const;
  [[nodiscard]] size_t blocks() const;
  void keep_done(bool all);

  Stores& stores_;
  LakeTable& lake_;
  HotTable& table_;
  const Random random_;
  const std::function<Status()> keep_job_;
  pipeline::HotBulkSink sink_;
  bool resolved_ = false;           // As far as this caller knows.
  bool resolving_ = false;
  bool starting_ = false;           // The next resolve begins a job.
  Seq bound_{0};
  std::set<size_t> writing_;        // Blocks of the job that steps stand still in.
  std::set<size_t> done_;           // Blocks of job number plan_ that this process did, not all of them kept.
  int plan_ = 0;
  bool stopped_ = false;
  std::string violation_;
};

}  // namespace weir::sim
