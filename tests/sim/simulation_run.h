#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <random>
#include <string_view>
#include <vector>

#include "tests/sim/invariants.h"
#include "tests/sim/lake_watch.h"
#include "tests/sim/process.h"
#include "tests/sim/simulation.h"

namespace weir::sim {

/// One seed: the stores, the processes over them, and what is done to both.
class Simulation {
 public:
  explicit Simulation(const Options& options);
  Report run();

  fakes::Faults faults(int process, Caller caller);
  int64_t random(int64_t below) { return static_cast<int64_t>(rng_() % static_cast<uint64_t>(below)); }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(rng_) < p; }
  pipeline::TimePoint pass_time() { return now_ += std::chrono::milliseconds(random(200)); }
  [[nodiscard]] int64_t goal() const { return static_cast<int64_t>(stores_.stream.events.size()); }
  Stores& stores() { return stores_; }
  void check(const Process* process);
  /// Processes that live, by number; all but the newest stand still.
  std::map<int, Process*>& processes() { return processes_; }
  void note_skip() { ++report_.skips; }
  void note_history() { stores_.all_owed = false; }  ///< Something becomes history to ClickHouse.
  [[nodiscard]] const Options& options() const { return options_; }
  [[nodiscard]] bool quiet() const { return quiet_; }
  /// Nobody does anything for a while.
  void let_hours_pass();

 private:
  fakes::Fate fate(int process, Caller caller, std::string_view step);
  void disturb(std::string_view step);
  void run_newer_process();
  void run_maintain_command();
  void run_process(int steps, Seq goal, bool with_hot = true);
  void run_history(Process* process);
  std::string lake_violation();
  void land_one();
  void lose_something();

  const Options options_;
  std::mt19937_64 rng_;
  Stores stores_;
  pipeline::TimePoint now_{};
  std::vector<std::function<void()>> late_;
  Report report_;
  std::map<int, Process*> processes_;
  LakeWatch rows_watch_;
  LakeWatch dead_letters_watch_;
  int depth_ = 0;
  int commands_ = 0;  // `weir maintain`s that run, one inside a call of the other.
  int64_t outage_;    // ClickHouse does not answer for this many calls more; in half of the seeds it begins away.
  bool quiet_ = false;
  bool complete_ = false;
};

}  // namespace weir::sim
