#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipeline/hot_position.h"
#include "ports/hot_table.h"
#include "ports/key_value.h"
#include "ports/sink.h"

namespace arrow {
class RecordBatch;
}

namespace weir::pipeline {

struct HotSinkOptions {
  std::string table;
  int32_t shard = 0;
  Epoch epoch;
  Seq lake_position{0};  ///< At start. Where ClickHouse begins (hot_start) when KV knows nothing of the table.
};

/// The rows of one (table, shard) in ClickHouse, exactly once on plain MergeTree (docs/formats/clickhouse.md).
///
/// Three things together make it exact: KV announces a range before its INSERTs; the INSERT itself checks, on the server,
/// that our fence is still the highest; and after anything ambiguous resolve() raises the fence by one, so that an INSERT of
/// ours that is still on its way can no longer land, and only then reads back which rows are there. From then on a range
/// that may have rows already gets only those that are missing. Nothing rests on deduplication tokens.
///
/// The fence counts takeovers and, inside one, resolves: epoch * 1,000,000 + resolve. One thread at a time.
class HotSink final : public Sink {
 public:
  /// Keeps for good that ClickHouse refused a row it can never take. Failing keeps the sink from going on.
  using Quarantine = std::function<Status(RowId row, const std::string& reason)>;

  HotSink(HotTable& table, KeyValue& key_value, HotSinkOptions options, Quarantine quarantine);

  Result<Seq> resolve() override;
  Status write(const std::vector<std::shared_ptr<const Slice>>& slices) override;
  Seq position() const override { return stored_.hot_position; }

  /// Stores the position that otherwise rides with the next announcement. For idle moments and the end.
  [[nodiscard]] Status settle();
  [[nodiscard]] bool settled() const { return stored_ == announced_; }

 private:
  void keep_start();
  Status load_position(bool table_is_new, SeqRange present);
  Status announce();
  Result<std::shared_ptr<arrow::RecordBatch>> only_missing(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                           SeqRange range);
  Status insert_all(const std::shared_ptr<arrow::RecordBatch>& rows, SeqRange range, const std::string& digest);
  Status insert_part(const std::shared_ptr<arrow::RecordBatch>& part, const std::string& token);
  Status quarantine_refused(const std::shared_ptr<arrow::RecordBatch>& part, const std::string& token,
                            const Status& refusal);

  HotTable& table_;
  KeyValue& key_value_;
  const HotSinkOptions options_;
  const Quarantine quarantine_;
  const std::string key_;
  Epoch fence_;                 // Raised by every resolve().
  uint64_t revision_ = 0;       // Of our last KV write; 0: the key has no value.
  HotPosition stored_;          // What is true now.
  HotPosition announced_;       // What KV says.
  Seq uncertain_through_{0};    // At or below this, rows above the position may be in ClickHouse already.
  bool resolved_ = false;
};

/// Fence number of the n-th resolve of an epoch, and back.
[[nodiscard]] Epoch fence_of(Epoch epoch, int64_t resolve);
[[nodiscard]] Epoch epoch_of_fence(Epoch fence);

}  // namespace weir::pipeline
