#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/retry.h"
#include "base/status.h"
#include "pipeline/actions.h"
#include "pipeline/hot_sink.h"

namespace weir::pipeline {

using TimePoint = std::chrono::steady_clock::time_point;

struct TableOptions {
  std::string name;
  bool has_hot = false;                                  ///< ClickHouse is configured.
  bool staged = false;  ///< Slices come staged: also while live, ClickHouse gets their rows from the lake.
  std::chrono::milliseconds commit_interval{1'000};
  std::chrono::milliseconds idle_commit_interval{10'000};  ///< For commits that carry no row and no dead letter.
  int64_t commit_bytes = 256 << 20;                      ///< Commits at once when this much (in memory) is pending.
  std::chrono::milliseconds flush_interval{100};         ///< ClickHouse is written to at most this often...
  int64_t hot_write_bytes = 16 << 20;                    ///< ...unless this much waits, the most that one write joins.
  std::chrono::milliseconds hot_wait_max{10'000};        ///< A slice waiting longer detaches ClickHouse.
  std::chrono::milliseconds hot_look_interval{kHotLookInterval};  ///< ClickHouse is looked at this often when nothing is written.
  int64_t catch_up_sequences = 200'000;                  ///< Range of one catch-up step.
  int checkpoint_commits = 20;
  RetryPolicy retry;
};

/// Where one sink stands: idle -> working -> (idle | unresolved -> resolving -> idle).
struct SinkProgress {
  enum class State { kUnresolved, kWorking, kIdle };
  State state = State::kUnresolved;
  Seq position{0};
  bool ever_resolved = false;
  bool tried = false;      ///< The first resolve was answered, well or not.
  int failures = 0;        ///< In a row.
  TimePoint retry_at{};
  Status last_error;

  [[nodiscard]] bool idle() const { return state == State::kIdle; }
  [[nodiscard]] bool working() const { return state == State::kWorking; }
};

enum class HotMode { kNone, kDetached, kCatchingUp, kLive };
[[nodiscard]] std::string_view to_string(HotMode mode);

/// One table of a shard: its three sinks and the slices between them. Pure: values in, actions out. The coordinator owns
/// it, tells it what happened, and asks it for what to do next.
///
/// Slices are read once and kept until both the lake and an attached ClickHouse have them. Pending slices follow the lake
/// position without a hole; while ClickHouse is attached, its queue follows the hot position without a hole. That is the
/// whole of the bookkeeping: everything else is derived from the three positions.
class TableProgress {
 public:
  TableProgress(TableIndex index, TableOptions options);

  // --- what happened
  void on_resolved(const Resolved& event, TimePoint now);
  void on_written(const Written& event, TimePoint now);
  void on_caught_up(const CaughtUp& event, TimePoint now);
  void on_settled(const Settled& event, TimePoint now);
  void on_looked(const Looked& event, TimePoint now);
  void on_skipped(const Skipped& event, TimePoint now);
  void on_checkpointed(const Checkpointed& event);
  void on_slice(const SlicePtr& slice, TimePoint now);
  void stop(Status status);
  /// What was read could not be made into a slice: nothing more is taken until start_reading(), from `again_at` on.
  void fall_behind(Status why, TimePoint again_at);

  // --- what somebody asks for
  /// Resolves ClickHouse again, as if it had failed, but at once; after what runs there now. Done when rechecked() is at
  /// least `number`.
  void recheck(int64_t number, TimePoint now);
  /// Lets ClickHouse go on from the lake's position; after what runs there now. Nothing unless it is catching up.
  void skip_ahead();

  [[nodiscard]] bool behind() const { return behind_; }
  /// Not before then; long ago unless it is behind.
  [[nodiscard]] TimePoint read_again_at() const { return read_again_at_; }
  /// Why the last slice could not be made; ok once one was again.
  [[nodiscard]] const Status& transform_error() const { return transform_error_; }
  [[nodiscard]] int transform_failures() const { return transform_failures_; }

  /// Slices are due again that it once had: what was staged is gone. Once per loss.
  [[nodiscard]] bool take_loss() { return std::exchange(lost_slices_, false); }

  // --- what to do next
  /// Adds what may start now. `hurry`: commit without waiting for the interval (drain, goal, memory).
  void advance(TimePoint now, bool hurry, bool draining, std::vector<Action>* actions);

  /// Ready for the first Seek: lake and dead letters know their positions and ClickHouse has had its chance, so that slices
  /// can be cut at every position.
  [[nodiscard]] bool ready() const;
  /// Slices are due from here on: behind those it has, or behind the lake.
  void start_reading();

  /// Sub-ranges of `range` that this table still needs, cut so that none straddles a position of a sink.
  [[nodiscard]] std::vector<SeqRange> cut(SeqRange range) const;

  /// Nothing is pending, nothing runs. ClickHouse counts only while it is attached.
  [[nodiscard]] bool drained() const;

  /// Both stores hold everything up to `goal`.
  [[nodiscard]] bool reached(Seq goal) const;

  /// The last slice ended the plan: no more are taken.
  [[nodiscard]] bool plan_ended() const { return plan_ended_; }
  [[nodiscard]] Seq next() const { return next_; }
  [[nodiscard]] Seq lake_position() const { return lake_.position; }
  [[nodiscard]] const SinkProgress& lake() const { return lake_; }
  [[nodiscard]] const SinkProgress& dead_letters() const { return dead_letters_; }
  [[nodiscard]] const SinkProgress& hot() const { return hot_; }
  [[nodiscard]] HotMode hot_mode() const { return hot_mode_; }
  [[nodiscard]] int64_t rechecked() const { return rechecked_; }
  [[nodiscard]] const RunningCounts& counts() const { return counts_; }
  [[nodiscard]] const std::optional<Status>& stopped() const { return stopped_; }
  [[nodiscard]] bool fenced() const { return fenced_.has_value(); }
  [[nodiscard]] const Status& fence_status() const { return *fenced_; }
  /// Memory of the slices kept for either store.
  [[nodiscard]] int64_t held_bytes() const;
  [[nodiscard]] const TableOptions& options() const { return options_; }

 private:
  SinkProgress& sink(SinkKind kind);
  void lose_slices();
  void fail(SinkProgress* sink, const Status& status, TimePoint now);
  void lake_at(Seq position);
  void hot_at(Seq position);
  void detach();
  void try_attach(TimePoint now);
  void advance_lake(TimePoint now, bool hurry, std::vector<Action>* actions);
  void advance_hot(TimePoint now, bool hurry, bool draining, std::vector<Action>* actions);
  [[nodiscard]] bool flush_due(TimePoint now, bool hurry) const;
  [[nodiscard]] bool commit_due(TimePoint now, bool hurry) const;
  [[nodiscard]] std::vector<SlicePtr> hot_write() const;

  const TableIndex index_;
  const TableOptions options_;
  SinkProgress lake_;
  SinkProgress dead_letters_;
  SinkProgress hot_;
  HotMode hot_mode_;
  bool hot_unsettled_ = false;
  bool hot_look_failed_ = false;    // The last one.
  TimePoint hot_look_at_{};         // When ClickHouse is to be looked at.
  int64_t recheck_asked_ = 0;       // Numbers of requests, the highest each.
  int64_t recheck_begun_ = 0;
  int64_t rechecked_ = 0;
  bool skip_asked_ = false;         // Not done yet, and still catching up.
  std::deque<SlicePtr> pending_;    // From lake_.position + 1 on.
  size_t committing_ = 0;           // Front part of pending_ that a lake commit carries now.
  int64_t pending_bytes_ = 0;
  TimePoint pending_since_{};   // When the next commit began to wait.
  TimePoint pending_oldest_{};  // No pending slice is older.
  struct Queued {
    SlicePtr slice;
    TimePoint since;
  };
  std::deque<Queued> hot_queue_;    // From hot_.position + 1 on, while live.
  Seq next_{1};                     // First sequence not yet made into a slice.
  bool plan_ended_ = false;
  bool lost_slices_ = false;
  bool behind_ = false;
  TimePoint read_again_at_{};
  Status transform_error_;
  int transform_failures_ = 0;  // In a row.
  int commits_since_checkpoint_ = 0;
  RunningCounts counts_;
  std::optional<Status> stopped_;
  std::optional<Status> fenced_;
};

}  // namespace weir::pipeline
