#include "tests/sim/simulation.h"

#include <algorithm>
#include <utility>

#include "batch/row_ids.h"
#include "pipeline/hot_position.h"
#include "tests/sim/invariants.h"

namespace weir::sim {
namespace {

using namespace weir::pipeline;  // NOLINT: the simulation is written in the pipeline's own terms.

constexpr int kNestingMax = 3;

class Simulation;

// One life of `weir run`: its own memory over the shared stores. Dies by dropping it.
class Process {
 public:
  Process(Simulation& simulation, int number);
  /// One action or one tick. False when the process is over.
  bool step();
  [[nodiscard]] const std::optional<Status>& finished() const { return finished_; }
  [[nodiscard]] const Coordinator& coordinator() const { return *coordinator_; }

 private:
  void take(std::vector<Action> actions);
  static size_t lane_of(const Action& action);

  Simulation& sim_;
  const int number_;
  fakes::Faults faults_;
  fakes::FakeKeyValue key_value_;
  fakes::FakeLakeTable lake_table_;
  fakes::FakeLakeTable dead_letter_table_;
  fakes::FakeHotTable hot_table_;
  fakes::FakeEventSource source_;
  fakes::FakeRowTransform transform_;
  LakeSink lake_;
  DeadLetterSink dead_letters_;
  std::unique_ptr<HotSink> hot_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Coordinator> coordinator_;
  std::deque<Action> lanes_[3];
  std::optional<Status> finished_;
};

class Simulation {
 public:
  explicit Simulation(const Options& options);
  Report run();

  fakes::Faults faults(int process);
  int64_t random(int64_t below) { return static_cast<int64_t>(rng_() % static_cast<uint64_t>(below)); }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(rng_) < p; }
  TimePoint pass_time() { return now_ += std::chrono::milliseconds(random(200)); }
  [[nodiscard]] int64_t goal() const { return static_cast<int64_t>(stores_.stream.events.size()); }
  Stores& stores() { return stores_; }
  void check(const Process* process);

 private:
  fakes::Fate fate(int process, std::string_view step);
  void run_newer_process();
  void run_process(int steps);
  void land_one();
  void lose_something();

  const Options options_;
  std::mt19937_64 rng_;
  Stores stores_;
  TimePoint now_{};
  std::vector<std::function<void()>> late_;
  Report report_;
  int depth_ = 0;
  int64_t outage_;  // ClickHouse does not answer for this many calls more; in half of the seeds it begins away.
  bool quiet_ = false;
  bool complete_ = false;
};

fakes::LakeState new_table() { return fakes::LakeState({{position_app_id("t", 0), 0}}); }

Process::Process(Simulation& simulation, int number)
    : sim_(simulation),
      number_(number),
      faults_(simulation.faults(number)),
      key_value_(simulation.stores().key_value, faults_),
      lake_table_(simulation.stores().lake, faults_),
      dead_letter_table_(simulation.stores().dead_letters, faults_),
      hot_table_(simulation.stores().hot, faults_),
      source_(simulation.stores().stream, faults_, [&simulation] { return 1 + simulation.random(12); }),
      lake_(lake_table_, {.table = "t", .shard = 0, .epoch = Epoch{number}, .stream_base = 0, .stream_created_us = 1}),
      dead_letters_(dead_letter_table_, "t", 0, Epoch{number}, [](const std::vector<const Reject*>& rejects) {
        std::vector<RowId> ids;
        for (const Reject* reject : rejects) ids.push_back({reject->seq, reject->row});
        return Result<std::shared_ptr<arrow::RecordBatch>>(fakes::rows_of(ids));
      }) {
  hot_ = std::make_unique<HotSink>(
      hot_table_, key_value_,
      HotSinkOptions{.table = "t",
                     .shard = 0,
                     .epoch = Epoch{number},
                     .lake_position = Seq{simulation.stores().lake.txn(position_app_id("t", 0)).value_or(0)}},
      [&simulation](RowId id, const std::string&) {
        simulation.stores().quarantined.insert(id);
        return ok_status();
      });
  executor_ = std::make_unique<Executor>(source_, std::nullopt,
                                         std::vector<TablePorts>{{.transform = &transform_,
                                                                  .lake_table = &lake_table_,
                                                                  .lake = &lake_,
                                                                  .dead_letters = &dead_letters_,
                                                                  .hot = hot_.get(),
                                                                  .shard = 0}},
                                         ReadLimits{});
  TableOptions table{.name = "t", .has_hot = true};
  table.catch_up_sequences = 20;
  table.checkpoint_commits = 5;
  table.hot_wait_max = std::chrono::milliseconds(1500);
  coordinator_ = std::make_unique<Coordinator>(
      CoordinatorOptions{.tables = {table}, .held_bytes_max = kHeldBytesMax, .goal = Seq{simulation.goal()}, .source_retry = {}});
}

size_t Process::lane_of(const Action& action) {
  if (const auto* resolve = std::get_if<Resolve>(&action)) return resolve->sink == SinkKind::kHot ? 2 : 1;
  if (const auto* write = std::get_if<Write>(&action)) return write->sink == SinkKind::kHot ? 2 : 1;
  if (std::holds_alternative<CatchUp>(action) || std::holds_alternative<Settle>(action) ||
      std::holds_alternative<SkipTo>(action)) {
    return 2;
  }
  return std::holds_alternative<Checkpoint>(action) ? 1 : 0;
}

void Process::take(std::vector<Action> actions) {
  for (Action& action : actions) {
    if (const auto* finish = std::get_if<Finish>(&action)) {
      finished_ = finish->status;
      return;
    }
    lanes_[lane_of(action)].push_back(std::move(action));
  }
}

bool Process::step() {
  std::vector<size_t> busy;
  for (size_t lane = 0; lane < 3; ++lane) {
    if (!lanes_[lane].empty()) busy.push_back(lane);
  }
  if (busy.empty() || sim_.chance(0.1)) {
    take(coordinator_->on(Tick{}, sim_.pass_time()));
  } else {
    auto& lane = lanes_[busy[static_cast<size_t>(sim_.random(static_cast<int64_t>(busy.size())))]];
    const Action action = std::move(lane.front());
    lane.pop_front();
    const Event event = executor_->execute(action, {});
    take(coordinator_->on(event, sim_.pass_time()));
  }
  sim_.check(this);
  return !finished_;
}

Simulation::Simulation(const Options& options)
    : options_(options), rng_(options.seed), stores_{.lake = new_table(), .dead_letters = fakes::LakeState()},
      outage_(options.fault_rate > 0 && options.seed % 2 == 0 ? random(1000) : 0) {
  constexpr std::string_view kKinds = "rrrrrrrrxff--";
  for (int64_t i = 0; i < options.events; ++i) {
    stores_.stream.events.push_back(
        static_cast<fakes::EventKind>(kKinds[static_cast<size_t>(random(static_cast<int64_t>(kKinds.size())))]));
  }
}

fakes::Faults Simulation::faults(int process) {
  return {.fate = [this, process](std::string_view step) { return fate(process, step); },
          .land_late = [this](std::function<void()> effect) { late_.push_back(std::move(effect)); },
          .process = process};
}

fakes::Fate Simulation::fate(int, std::string_view step) {
  stores_.note_announcement();
  if (chance(0.1)) land_one();
  if (quiet_) return fakes::Fate::kDone;
  if (outage_ > 0) --outage_;
  if (chance(options_.fault_rate / 40)) outage_ = random(600);
  if (outage_ > 0 && step.starts_with("hot.")) return fakes::Fate::kUnavailable;
  if (depth_ < kNestingMax && chance(options_.takeover_rate)) run_newer_process();
  if (chance(options_.fault_rate / 20)) lose_something();
  if (!chance(options_.fault_rate)) return fakes::Fate::kDone;
  return static_cast<fakes::Fate>(1 + random(6));
}

void Simulation::land_one() {
  if (late_.empty()) return;
  const auto index = static_cast<std::ptrdiff_t>(random(static_cast<int64_t>(late_.size())));
  const auto effect = late_[static_cast<size_t>(index)];
  late_.erase(late_.begin() + index);
  effect();
  ++report_.late_landings;
}

// What a crash of a server with unsynced state takes with it.
void Simulation::lose_something() {
  if (chance(0.5)) {
    stores_.hot.fence = Epoch{0};
  } else if (!stores_.key_value_history.empty()) {
    stores_.key_value = stores_.key_value_history[static_cast<size_t>(
        random(static_cast<int64_t>(stores_.key_value_history.size())))];
    stores_.key_value_lost = true;
  }
}

// The caller stands still inside its call while this runs.
void Simulation::run_newer_process() {
  ++report_.takeovers;
  run_process(static_cast<int>(random(400)));
}

void Simulation::run_process(int steps) {
  ++depth_;
  const int number = ++report_.processes;
  {
    Process process(*this, number);
    try {
      while (steps-- > 0 && report_.violation.empty() && process.step()) ++report_.steps;
    } catch (const fakes::Killed&) {
      ++report_.kills;
    }
    if (const auto& finished = process.finished()) {
      if (finished->ok() && process.coordinator().goal_reached()) complete_ = true;
      if (finished->code() == StatusCode::kFenced) ++report_.fenced;
      if (!finished->ok() && finished->code() != StatusCode::kFenced) {
        report_.violation = "process " + std::to_string(number) + " gave up: " + finished->to_string();
      }
    }
  }
  --depth_;
}

void Simulation::check(const Process* process) {
  if (!report_.violation.empty()) return;
  if (chance(0.3)) {
    auto& history = stores_.key_value_history;
    history.push_back(stores_.key_value);
    if (history.size() > 3) history.erase(history.begin());
  }
  report_.violation = violated_invariant(stores_);
  if (process != nullptr && report_.violation.empty() && process->coordinator().held_bytes() > 2 * kHeldBytesMax) {
    report_.violation = "I7: " + std::to_string(process->coordinator().held_bytes()) + " bytes held";
  }
}

Report Simulation::run() {
  while (!complete_ && report_.violation.empty() && report_.steps < options_.steps_max) {
    run_process(options_.steps_max - report_.steps);
  }
  if (report_.violation.empty() && !complete_) report_.violation = "no progress in " + std::to_string(report_.steps);
  // One more life without faults, while what is still under way lands: complete and exact is the only end.
  quiet_ = true;
  if (report_.violation.empty()) run_process(options_.steps_max);
  while (!late_.empty()) land_one();
  check(nullptr);
  if (report_.violation.empty()) report_.violation = incompleteness(stores_);
  return report_;
}

}  // namespace

Report simulate(const Options& options) { return Simulation(options).run(); }

}  // namespace weir::sim
