#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "pipeline/coordinator.h"
#include "pipeline/executor.h"
#include "cluster/staged_transform.h"
#include "tests/fakes/fake_cluster.h"
#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"
#include "tests/sim/history_worker.h"
#include "tests/sim/upkeep_worker.h"

namespace weir::sim {

class Simulation;

inline constexpr int64_t kHeldBytesMax = 5'000;

/// Which thread of a process makes a call.
enum class Caller { kLive, kHistory, kUpkeep };

/// One life of `weir run`: its own memory over the shared stores. Dies by dropping it.
class Process {
 public:
  Process(Simulation& simulation, int number, Seq goal, bool with_hot);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// One action, one tick, one step of a backfill, or a round of upkeep. False when the live path is over.
  bool step();
  void step_live();
  void step_history();
  void step_upkeep();
  /// Something of this process stands still inside a call to a store: its other threads go on.
  void go_on_beside(Caller caller);
  HistoryWorker& history() { return history_; }
  [[nodiscard]] const HistoryWorker& history() const { return history_; }
  [[nodiscard]] const UpkeepWorker& upkeep() const { return upkeep_; }
  [[nodiscard]] const std::optional<Status>& finished() const { return finished_; }
  [[nodiscard]] const pipeline::Coordinator& coordinator() const { return *coordinator_; }

 private:
  void ask(const pipeline::Event& event);
  void take(std::vector<pipeline::Action> actions);
  static size_t lane_of(const pipeline::Action& action);

  Simulation& sim_;
  const int number_;
  fakes::Faults faults_;
  fakes::Faults history_faults_;
  fakes::FakeKeyValue key_value_;
  fakes::FakeKeyValue history_key_value_;
  fakes::FakeLakeTable lake_table_;
  fakes::FakeLakeTable history_lake_table_;
  fakes::FakeLakeTable dead_letter_table_;
  fakes::FakeHotTable hot_table_;
  fakes::FakeHotTable history_table_;
  fakes::FakeEventSource source_;
  fakes::FakeRowTransform transform_;
  fakes::FakeCommittables committables_;
  fakes::FakeCluster cluster_;
  cluster::StagedTransform staged_;
  pipeline::LakeSink lake_;
  pipeline::DeadLetterSink dead_letters_;
  std::unique_ptr<pipeline::HotSink> hot_;
  std::unique_ptr<pipeline::Executor> executor_;
  std::unique_ptr<pipeline::Coordinator> coordinator_;
  HistoryWorker history_;
  UpkeepWorker upkeep_;
  bool start_kept_ = false;  ///< Nothing goes to the lake before.
  bool live_busy_ = false;
  int history_busy_ = 0;
  int64_t rechecks_ = 0;
  std::deque<pipeline::Action> lanes_[3];
  std::optional<Status> finished_;
};

}  // namespace weir::sim
