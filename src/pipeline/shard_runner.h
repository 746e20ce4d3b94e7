#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "pipeline/coordinator.h"
#include "pipeline/executor.h"

namespace weir::pipeline {

/// What a person or a metric wants to know of one table of the shard. Value type.
struct TableStatus {
  std::string table;
  Seq lake_position{0};
  Seq dead_letter_position{0};
  Seq hot_position{0};
  HotMode hot_mode = HotMode::kNone;
  int64_t rechecked = 0;   ///< Highest number that recheck() returned and that is done.
  std::string hot_error;   ///< Why ClickHouse is not live; empty when it is.
  std::string lake_error;  ///< Last trouble of the lake or the dead letters; empty when fine.
  std::string stopped;     ///< Why the table stopped; empty while it runs.
  RunningCounts counts;
};

struct ShardStatus {
  bool reading = false;
  bool finished = false;
  std::string source_error;
  int64_t held_bytes = 0;
  std::vector<TableStatus> tables;
};

/// Runs one shard: a thread for the coordinator, one for the source (read, decode, SQL), and per table one for the lake and
/// one for ClickHouse, so that a slow store holds up nothing but itself. run() blocks; everything else is thread-safe.
class ShardRunner {
 public:
  /// Called after every action, on the thread that did it.
  using Observer = std::function<void(const Action&, const Event&, std::chrono::microseconds took)>;

  ShardRunner(CoordinatorOptions options, Executor& executor, const Clock& clock, Observer observer);
  ~ShardRunner();

  /// Until finished: Ok when drained on request or the goal was reached. kFenced, kDataLoss, ...: why it stopped.
  [[nodiscard]] Status run();

  /// Stop reading, commit what was read, then finish; after `timeout` finish as it is, with kUnavailable. Without one it
  /// takes as long as the stores take. Of several calls the earliest deadline counts.
  void drain(std::optional<std::chrono::milliseconds> timeout);

  /// Finish now with `status`, committing nothing more.
  void abort(Status status);

  /// Asks ClickHouse again what it holds of the table: it is detached and resolved, which notices a table that somebody
  /// dropped or emptied. Asynchronous: done when TableStatus::rechecked is at least the returned number. Never done while
  /// draining, for a stopped table or one without ClickHouse.
  int64_t recheck(TableIndex table);

  /// While the table's ClickHouse is catching up: gives what it lacks up to history (a backfill brings it) and goes on
  /// live from the lake's position. Asynchronous: watch status() until hot_mode is kLive. Nothing when it is not catching up.
  void skip_ahead(TableIndex table);

  [[nodiscard]] ShardStatus status() const;
  [[nodiscard]] bool goal_reached() const;
  /// See Coordinator::plan_ended(). Meaningful once run() has returned.
  [[nodiscard]] bool plan_ended() const;

 private:
  class Lane;

  void post(Event event);
  std::optional<Event> next_event();
  void dispatch(std::vector<Action> actions, std::optional<Status>* finish);
  void publish_status();
  [[nodiscard]] size_t lane_of(const Action& action) const;

  Executor& executor_;
  const Clock& clock_;
  const Observer observer_;
  Coordinator coordinator_;  // Touched by run()'s thread only.

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
  bool draining_ = false;
  std::optional<TimePoint> drain_deadline_;
  std::optional<Status> aborted_;
  int64_t rechecks_asked_ = 0;
  ShardStatus status_;
  bool goal_reached_ = false;
  bool plan_ended_ = false;
  std::vector<std::unique_ptr<Lane>> lanes_;  // Last: their threads use everything above.
};

}  // namespace weir::pipeline
