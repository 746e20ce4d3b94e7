#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "backfill/hot_lanes.h"
#include "backfill/hot_plan.h"
#include "backfill/hot_unit_reader.h"
#include "backfill/job.h"
#include "backfill/row_throttle.h"
#include "base/status.h"

namespace weir::backfill {

struct HotUnitPoolOptions {
  int32_t threads = 1;  ///< Units in work at a time. Memory: two blocks each, and one more as ClickHouse gets it.
  HotBlockLimits block;
  /// A unit was brought completely: ordinal and rows. One thread at a time.
  std::function<void(int64_t ordinal, int64_t rows)> done;
  /// What it means that a unit could not be read: kUnavailable is tried again, anything else ends the work. Any thread.
  std::function<Status(const HotUnit& unit, const Status& failure, int attempt)> judge;
};

/// Works the units of a plan off, in order, with a few threads. Owned by the runner; what it is given must outlive it.
/// Ends when everything is done, at the first failure, or when stopped; ending waits for its threads.
class HotUnitPool {
 public:
  HotUnitPool(const HotUnitSource& source, const HotPlan& plan, OrdinalSet done, HotLanes& lanes, RowThrottle& throttle,
              HotUnitPoolOptions options);

  /// Thread-safe.
  void request_stop() { stop_.request_stop(); }

  /// Waits until every thread has ended, at most `time`. True: they have.
  [[nodiscard]] bool wait(std::chrono::milliseconds time);

  /// kPresent: all units are done. kShuttingDown: stopped before. Requires: wait() was true.
  [[nodiscard]] Result<HotLanes::Outcome> result() const;

  /// Rows brought of units that are not done yet. Thread-safe.
  [[nodiscard]] int64_t rows_in_work() const { return rows_in_work_; }

 private:
  void work();
  [[nodiscard]] std::optional<int64_t> next_unit();
  [[nodiscard]] Result<HotLanes::Outcome> bring(int64_t ordinal);
  [[nodiscard]] Result<HotLanes::Outcome> try_unit(const HotUnit& unit, int64_t* rows, Status* unread);
  void end(const Result<HotLanes::Outcome>& result);

  const HotUnitSource source_;
  const HotPlan& plan_;
  const OrdinalSet done_;
  HotLanes& lanes_;
  RowThrottle& throttle_;
  const HotUnitPoolOptions options_;
  std::stop_source stop_;
  std::atomic<int64_t> rows_in_work_{0};
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int64_t next_ = 0;  // Guarded by mutex_, as what follows.
  int32_t working_ = 0;
  std::optional<Result<HotLanes::Outcome>> ended_;  // The first reason not to go on.
  std::vector<std::jthread> threads_;               // Last: they use everything above.
};

}  // namespace weir::backfill
