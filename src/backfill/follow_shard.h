#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "batch/slice.h"
#include "pipeline/actions.h"
#include "pipeline/dead_letter_sink.h"
#include "pipeline/hot_sink.h"
#include "pipeline/lake_sink.h"
#include "ports/lake_table.h"

namespace weir::backfill {

struct FollowOptions {
  int64_t commit_bytes = 64 << 20;       ///< Commits when so much (in memory) is pending,
  int64_t commit_events = 4'000'000;     ///< or so many rows were looked at.
  int64_t hot_step_sequences = 200'000;  ///< Range of one step into ClickHouse.
};

/// One shard of a table that follows another one (`from_table`): takes the rows of the source above its own position, makes
/// its own of them and commits both rows and dead letters, in order and exactly once. The position is the source's `_seq` up
/// to which everything is in, kept by the sinks like that of live events; there is no other memory. One thread at a time;
/// everything passed in must outlive it.
class FollowedShard {
 public:
  /// What the rows of a range of the source become; the slice is of the same range.
  using Derive = std::function<Result<pipeline::SlicePtr>(const Slice& source)>;
  /// After each commit, with what it carried.
  using Committed = std::function<void(const std::vector<pipeline::SlicePtr>& slices)>;

  FollowedShard(LakeTable& source, int32_t shard, pipeline::LakeSink& lake, pipeline::DeadLetterSink& dead_letters,
                Derive derive, FollowOptions options, Committed committed = {});

  /// Takes both sinks over, or asks them again after anything ambiguous.
  [[nodiscard]] Status resolve();

  /// Brings the shard up to `through`, the source's position. A rest in which the source has no row is committed only when
  /// `commit_empty`. After any error resolve() comes first: what is in is in, the rest is made again. kFenced: a newer
  /// process has the table. kShuttingDown: stopped between commits. Requires: resolve() went well after the last error.
  [[nodiscard]] Status advance(Seq through, bool commit_empty, const std::stop_token& stop);

  [[nodiscard]] int32_t shard() const { return shard_; }
  [[nodiscard]] Seq position() const { return lake_.position(); }
  [[nodiscard]] Seq dead_letter_position() const { return dead_letters_.position(); }
  [[nodiscard]] const pipeline::RunningCounts& counts() const { return lake_.counts(); }

 private:
  [[nodiscard]] Status take(const Slice& source);
  [[nodiscard]] Status commit_pending();
  void drop_pending();

  LakeTable& source_;
  const int32_t shard_;
  pipeline::LakeSink& lake_;
  pipeline::DeadLetterSink& dead_letters_;
  const Derive derive_;
  const FollowOptions options_;
  const Committed committed_;
  std::vector<pipeline::SlicePtr> pending_;  // From lake_.position() + 1 on, without a hole.
  int64_t pending_bytes_ = 0;
  int64_t pending_events_ = 0;
};

/// Brings ClickHouse up to `through`, at most what the lake's table holds, from that table. The first error ends it; the
/// sink has to be resolved then. kShuttingDown: stopped.
[[nodiscard]] Status follow_hot(LakeTable& table, int32_t shard, pipeline::HotSink& hot, Seq through,
                                const FollowOptions& options, const std::stop_token& stop);

}  // namespace weir::backfill
