#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/hot_fence.h"
#include "pipeline/hot_inserter.h"
#include "pipeline/hot_position.h"
#include "ports/hot_table.h"
#include "ports/key_value.h"
#include "ports/sink.h"

namespace arrow {
class RecordBatch;
}

namespace weir::pipeline {

/// How often whoever drives a HotSink calls its look().
inline constexpr std::chrono::seconds kHotLookInterval{10};

struct HotSinkOptions {
  std::string table;
  int32_t shard = 0;
  Epoch epoch;
  Seq lake_position{0};  ///< At start. Where ClickHouse begins (hot_start) when KV knows nothing of the table.
};

/// The view that readers outside have of the table (schema/reader_view.h).
struct HotView {
  Seq hot_start{0};                                             ///< It shows every row above this.
  Status offered = unavailable("ClickHouse was not asked yet");  ///< Whether it is there.
};

/// The rows of one (table, shard) in ClickHouse, exactly once on plain MergeTree (docs/formats/clickhouse.md).
///
/// Three things together make it exact: KV announces a range before its INSERTs; the INSERT itself checks, on the server,
/// that our fence is still the highest; and after anything ambiguous resolve() raises the fence by one, so that an INSERT of
/// ours that is still on its way can no longer land, and only then reads back which rows are there. From then on a range
/// that may have rows already gets only those that are missing. Nothing rests on deduplication tokens.
///
/// Beside it HotBulkSink writes history, at or below a bound that it reads in KV: the position of this sink. Both never write
/// the same row, whatever KV forgets, because a position only grows between two resolves and every resolve
///   1. raises the live fence, 2. reads KV, 3. raises the bulk fence, 4. looks what is there, 5. writes KV, with 1.'s number.
/// Take a bulk INSERT under a fence raised before 3: it lands before 3, so that 4 sees it, or never; and this sink writes
/// only after 5. Take a bulk fence raised after 3: its bound is read after that, and is believed only when the entry carries
/// the number of the live fence ClickHouse has then. So this resolve, or a later one, wrote it in 5 or after: it is not
/// above where this sink stands. What KV said before it lost its tail carries another number, unless that tail
/// began in this very resolve, and then it is only a lower position of it.
///
/// One thread at a time.
class HotSink final : public Sink {
 public:
  HotSink(HotTable& table, KeyValue& key_value, HotSinkOptions options, Quarantine quarantine);

  /// Keeps in KV where ClickHouse begins (hot_start), when KV knows nothing of the table. Called before the lake takes
  /// anything of this epoch: from then on all of that is owed to ClickHouse, whenever this process ends and however long
  /// ClickHouse is away. Failures of the key-value store; then nothing may be written to the lake.
  [[nodiscard]] Status keep_start();

  /// The lake holds everything up to `position`: where ClickHouse begins anew (hot_start) when the next resolve() finds that
  /// its table was dropped or emptied. Never moves back; lower than the truth costs time and no row.
  void lake_at(Seq position) { lake_position_ = std::max(lake_position_, position); }

  Result<Seq> resolve() override;
  Status write(const std::vector<std::shared_ptr<const Slice>>& slices) override;
  Seq position() const override { return stored_.hot_position; }

  /// Gives what lies between position() and the lake's position up to history: hot_start and the position become
  /// `lake_position`, in KV too. Failures as write(). kInternal, and nothing happens: it would move backwards.
  [[nodiscard]] Status skip_to(Seq lake_position);

  /// Ok while ClickHouse answers and the table there is the one that resolve() saw. Changes nothing.
  [[nodiscard]] Status look();

  /// Stores the position that otherwise rides with the next announcement. For idle moments and the end.
  [[nodiscard]] Status settle();
  [[nodiscard]] bool settled() const { return stored_ == announced_; }

  /// Thread-safe, unlike the rest.
  [[nodiscard]] HotView view() const;

 private:
  void offer_view();
  Status fence_out_bulk();
  Status load_position(const Result<KeyValueEntry>& entry, bool table_is_new, SeqRange present);
  Status take_in_flight();
  Status announce();
  Result<std::shared_ptr<arrow::RecordBatch>> only_missing(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                           SeqRange range);

  HotTable& table_;
  KeyValue& key_value_;
  const HotSinkOptions options_;
  Seq lake_position_;           // The highest that lake_at() told, at first that at the start.
  HotInserter inserter_;
  const std::string key_;
  Epoch fence_;                 // Raised by every resolve().
  std::string table_id_;        // Of the table that the last resolve() saw.
  uint64_t revision_ = 0;       // Of our last KV write; 0: the key has no value.
  HotPosition stored_;          // What is true now; before the first resolve() only its hot_start, as far as is known.
  HotPosition announced_;       // What KV says.
  Seq uncertain_through_{0};    // At or below this, rows above the position may be in ClickHouse already.
  bool resolved_ = false;
  mutable std::mutex view_mutex_;
  HotView view_;                // Guarded by view_mutex_.
};

}  // namespace weir::pipeline
