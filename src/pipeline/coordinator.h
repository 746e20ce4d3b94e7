#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "pipeline/actions.h"
#include "pipeline/table_progress.h"

namespace weir::pipeline {

struct CoordinatorOptions {
  std::vector<TableOptions> tables;
  int64_t held_bytes_max = 256 << 20;  ///< Reading pauses while slices hold more.
  std::optional<Seq> goal;             ///< Finish once every store holds everything up to here (--until-caught-up).
  RetryPolicy source_retry;
  RetryPolicy transform_retry;         ///< Of one table's; it also waits as long as the attempt took.
};

/// Decides everything for one shard of one stream and the tables it feeds: what to read, what to write where and when, when
/// ClickHouse is detached, caught up and attached again, what may be released, and when it is over. A pure state machine:
/// an event and the time in, actions out; no IO, no clock, no thread. The product and the simulation run this same code.
///
/// It is level-triggered: every event first changes the state, then everything that the state allows is started.
class Coordinator {
 public:
  explicit Coordinator(CoordinatorOptions options);

  /// Actions that may start now. After a Finish there are none any more.
  [[nodiscard]] std::vector<Action> on(const Event& event, TimePoint now);

  [[nodiscard]] const std::vector<TableProgress>& tables() const { return tables_; }
  [[nodiscard]] bool finished() const { return phase_ == Phase::kFinished; }
  [[nodiscard]] bool goal_reached() const { return goal_reached_; }
  /// A table's plan ended (Slice::ends_plan): what was read before is drained, and the tables want to be opened again.
  [[nodiscard]] bool plan_ended() const { return plan_ended_; }
  [[nodiscard]] bool reading() const { return phase_ == Phase::kReading; }
  /// Why nothing is read, or not for some table.
  [[nodiscard]] const Status& source_error() const;
  [[nodiscard]] int64_t held_bytes() const;

 private:
  enum class Phase { kResolving, kSeeking, kReading, kDraining, kFinished };

  void handle(const Event& event, TimePoint now, std::vector<Action>* actions);
  void on_batch(const BatchRead& event, TimePoint now, std::vector<Action>* actions);
  void on_slice(const Transformed& event, TimePoint now);
  void on_transform_error(const Status& status, TableProgress* table, TimePoint now);
  void on_source_error(const Status& status, TimePoint now);
  void on_loss();
  void advance(TimePoint now, std::vector<Action>* actions);
  void advance_source(TimePoint now, std::vector<Action>* actions);
  void finish_when_done(std::vector<Action>* actions);
  [[nodiscard]] Seq floor() const;

  const CoordinatorOptions options_;
  std::vector<TableProgress> tables_;
  Phase phase_ = Phase::kResolving;
  bool source_busy_ = false;    // A Seek or Read was asked for and not answered.
  int transforms_ = 0;          // Asked for and not answered,
  TimePoint transforms_since_{};  // since then.
  bool seek_again_ = false;     // Slices of some table are missing.
  bool releasing_ = false;
  Seq released_{0};
  Seq read_through_{0};         // Everything up to here was read, by all tables.
  int source_failures_ = 0;
  TimePoint source_retry_at_{};
  Status source_error_;         // Last trouble of the source; ok once it reads again.
  Status final_status_;         // Why we drain; ok: on request.
  bool drain_asked_ = false;
  bool goal_reached_ = false;
  bool plan_ended_ = false;
};

}  // namespace weir::pipeline
