#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipeline/lake_ledger.h"
#include "ports/event_source.h"
#include "ports/sink.h"

namespace weir::pipeline {

/// Running totals of a shard since the table was created; kept in the table beside its position.
struct RunningCounts {
  int64_t events = 0;
  int64_t filtered = 0;
  int64_t rejects = 0;            ///< When their events were read; what became of them since is counted apart:
  int64_t replayed = 0;           ///< ..dead letters that are rows now,
  int64_t replayed_filtered = 0;  ///< ..and those that the SQL leaves out.
  [[nodiscard]] int64_t rows() const { return events - filtered - rejects + replayed; }
  [[nodiscard]] int64_t left_out() const { return filtered + replayed_filtered; }
  [[nodiscard]] int64_t dead_letters() const { return rejects - replayed - replayed_filtered; }
};

struct LakeSinkOptions {
  std::string table;
  int32_t shard = 0;
  Epoch epoch;
  int64_t stream_base = 0;          ///< Base of the stream's incarnation: Seq = stream sequence + base.
  int64_t stream_created_us = 0;    ///< When the stream was created, microseconds since 1970; names the incarnation.
                                    ///< 0: the rows come from no stream (files), and none is remembered.
  std::optional<Seq> initial = {};  ///< Position of a shard that the table has not seen yet; empty: refuse it.
};

/// The rows of one (table, shard) in its Delta table: the ledger of the whole pipeline. Position, epoch, running counts
/// and the stream's identity are application transactions of the commit that carries the rows, so they can never
/// disagree.
class LakeSink final : public Sink {
 public:
  LakeSink(LakeTable& table, LakeSinkOptions options);

  Result<Seq> resolve() override;
  Status write(const std::vector<std::shared_ptr<const Slice>>& slices) override;
  Seq position() const override { return ledger_.position(); }

  /// Checkpoints the table, so that whoever reads it starts there. A failure changes nothing.
  [[nodiscard]] Status checkpoint();

  /// As of the last resolve() or write(). Same thread as those.
  [[nodiscard]] const RunningCounts& counts() const { return counts_; }

 private:
  [[nodiscard]] Status read_replays();

  LakeLedger ledger_;
  const LakeSinkOptions options_;
  RunningCounts counts_;
};

/// What the lake remembers of the stream at its position; empty before the first commit with an event.
[[nodiscard]] Result<std::optional<StreamIdentity>> stream_identity(const LakeSnapshot& snapshot,
                                                                    std::string_view table, int32_t shard);

/// Running totals as a snapshot holds them.
[[nodiscard]] Result<RunningCounts> running_counts(const LakeSnapshot& snapshot, std::string_view table, int32_t shard);

}  // namespace weir::pipeline
