#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "app/services.h"
#include "app/shard.h"
#include "backfill/hot_lanes.h"
#include "base/ids.h"
#include "base/retry.h"
#include "pipeline/table_progress.h"

namespace weir::app {

/// The ClickHouse side of a table that follows another one: a thread that brings ClickHouse to where the table's lake is, in
/// order, from the lake. ClickHouse may be away for any time; it is caught up when it answers. Starts at once, stops by
/// destruction. Thread-safe. `parts` (with lake_table, hot and metrics) and the telemetry must outlive it.
class HotFollower {
 public:
  /// `fenced` is called once, from the thread, when a newer process has the table; the thread has ended then. `lake`: where
  /// the lake is now.
  HotFollower(TableParts& parts, Seq lake, Telemetry telemetry, std::function<void(const Status&)> fenced);
  ~HotFollower();

  /// The lake holds everything up to here.
  void lake_at(Seq position);

  struct Standing {
    pipeline::HotMode mode = pipeline::HotMode::kDetached;
    Seq position{0};
    std::string error;  ///< Why it is not live; empty when it is.
  };
  [[nodiscard]] Standing standing() const;

  /// What the table's backfills ask of it.
  [[nodiscard]] backfill::LivePath live_path();

 private:
  void work(const std::stop_token& stop);
  Status resolve();
  Status step(const std::stop_token& stop);
  void wait_for_work(const std::stop_token& stop);
  void pause(std::chrono::milliseconds time, const std::stop_token& stop);
  void note(pipeline::HotMode mode, const std::string& error);
  Status look_again(const std::stop_token& stop);
  Status skip_ahead(const std::stop_token& stop);

  TableParts& parts_;
  Telemetry telemetry_;
  const std::function<void(const Status&)> fenced_;
  const RetryPolicy retry_;
  std::chrono::steady_clock::time_point looked_at_;  // Of the thread alone.
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  Seq lake_{0};            // Guarded by mutex_, like all below.
  Standing standing_;
  bool unresolved_ = true;
  bool skip_ = false;
  std::jthread thread_;  // Last: it uses everything above.
};

}  // namespace weir::app
