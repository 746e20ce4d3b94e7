#include "tests/sim/simulation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "batch/row_ids.h"
#include "pipeline/hot_position.h"
#include "tests/sim/history_worker.h"
#include "tests/sim/invariants.h"

namespace weir::sim {
namespace {

using namespace weir::pipeline;  // NOLINT: the simulation is written in the pipeline's own terms.

constexpr int kNestingMax = 3;
constexpr int kHistoryThreads = 2;

enum class Caller { kLive, kHistory };

class Simulation;

// One life of `weir run`: its own memory over the shared stores. Dies by dropping it.
class Process {
 public:
  Process(Simulation& simulation, int number, Seq goal, bool with_hot);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// One action, one tick, or one step of a backfill. False when the live path is over.
  bool step();
  void step_live();
  void step_history();
  /// Something of this process stands still inside a call to a store: its other threads go on.
  void go_on_beside(Caller caller);
  HistoryWorker& history() { return history_; }
  [[nodiscard]] const HistoryWorker& history() const { return history_; }
  [[nodiscard]] const std::optional<Status>& finished() const { return finished_; }
  [[nodiscard]] const Coordinator& coordinator() const { return *coordinator_; }

 private:
  void ask(const Event& event);
  void take(std::vector<Action> actions);
  static size_t lane_of(const Action& action);

  Simulation& sim_;
  const int number_;
  fakes::Faults faults_;
  fakes::Faults history_faults_;
  fakes::FakeKeyValue key_value_;
  fakes::FakeKeyValue history_key_value_;
  fakes::FakeLakeTable lake_table_;
  fakes::FakeLakeTable dead_letter_table_;
  fakes::FakeHotTable hot_table_;
  fakes::FakeHotTable history_table_;
  fakes::FakeEventSource source_;
  fakes::FakeRowTransform transform_;
  LakeSink lake_;
  DeadLetterSink dead_letters_;
  std::unique_ptr<HotSink> hot_;
  std::unique_ptr<Executor> executor_;
  std::unique_ptr<Coordinator> coordinator_;
  HistoryWorker history_;
  bool live_busy_ = false;
  int history_busy_ = 0;
  int64_t rechecks_ = 0;
  std::deque<Action> lanes_[3];
  std::optional<Status> finished_;
};

class Simulation {
 public:
  explicit Simulation(const Options& options);
  Report run();

  fakes::Faults faults(int process, Caller caller);
  int64_t random(int64_t below) { return static_cast<int64_t>(rng_() % static_cast<uint64_t>(below)); }
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(rng_) < p; }
  TimePoint pass_time() { return now_ += std::chrono::milliseconds(random(200)); }
  [[nodiscard]] int64_t goal() const { return static_cast<int64_t>(stores_.stream.events.size()); }
  Stores& stores() { return stores_; }
  void check(const Process* process);
  /// Processes that live, by number; all but the newest stand still.
  std::map<int, Process*>& processes() { return processes_; }
  void note_skip() { ++report_.skips; }

 private:
  fakes::Fate fate(int process, Caller caller, std::string_view step);
  void disturb();
  void run_newer_process();
  void run_process(int steps, Seq goal, bool with_hot = true);
  void run_history(Process* process);
  void land_one();
  void lose_something();

  const Options options_;
  std::mt19937_64 rng_;
  Stores stores_;
  TimePoint now_{};
  std::vector<std::function<void()>> late_;
  Report report_;
  std::map<int, Process*> processes_;
  int depth_ = 0;
  int64_t outage_;  // ClickHouse does not answer for this many calls more; in half of the seeds it begins away.
  bool quiet_ = false;
  bool complete_ = false;
};

fakes::LakeState new_table() { return fakes::LakeState({{position_app_id("t", 0), 0}}); }

Process::Process(Simulation& simulation, int number, Seq goal, bool with_hot)
    : sim_(simulation),
      number_(number),
      faults_(simulation.faults(number, Caller::kLive)),
      history_faults_(simulation.faults(number, Caller::kHistory)),
      key_value_(simulation.stores().key_value, faults_),
      history_key_value_(simulation.stores().key_value, history_faults_),
      lake_table_(simulation.stores().lake, faults_),
      dead_letter_table_(simulation.stores().dead_letters, faults_),
      hot_table_(simulation.stores().hot, faults_),
      history_table_(simulation.stores().hot, history_faults_),
      source_(simulation.stores().stream, faults_, [&simulation] { return 1 + simulation.random(12); }),
      lake_(lake_table_, {.table = "t", .shard = 0, .epoch = Epoch{number}, .stream_base = 0, .stream_created_us = 1}),
      dead_letters_(dead_letter_table_, "t", 0, Epoch{number}, [](const std::vector<const Reject*>& rejects) {
        std::vector<RowId> ids;
        for (const Reject* reject : rejects) ids.push_back({reject->seq, reject->row});
        return Result<std::shared_ptr<arrow::RecordBatch>>(fakes::rows_of(ids));
      }),
      history_(simulation.stores(), history_table_, history_key_value_, Epoch{number},
               [&simulation](int64_t below) { return simulation.random(below); }) {
  sim_.processes()[number_] = this;
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
  TableOptions table{.name = "t", .has_hot = with_hot};
  table.catch_up_sequences = 20;
  table.checkpoint_commits = 5;
  table.hot_wait_max = std::chrono::milliseconds(1500);
  coordinator_ = std::make_unique<Coordinator>(
      CoordinatorOptions{.tables = {table}, .held_bytes_max = kHeldBytesMax, .goal = goal, .source_retry = {}});
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

Process::~Process() { sim_.processes().erase(number_); }

void Process::ask(const Event& event) { take(coordinator_->on(event, sim_.pass_time())); }

bool Process::step() {
  if (sim_.chance(0.2)) {
    step_history();
  } else {
    step_live();
  }
  return !finished_;
}

void Process::step_live() {
  if (finished_) return;
  std::vector<size_t> busy;
  for (size_t lane = 0; lane < 3; ++lane) {
    if (!lanes_[lane].empty()) busy.push_back(lane);
  }
  if (busy.empty() || sim_.chance(0.1)) {
    ask(Tick{});
  } else if (sim_.chance(0.1) && coordinator_->tables()[0].hot_mode() == HotMode::kCatchingUp) {
    ask(SkipAhead{0});
  } else {
    auto& lane = lanes_[busy[static_cast<size_t>(sim_.random(static_cast<int64_t>(busy.size())))]];
    const Action action = std::move(lane.front());
    lane.pop_front();
    live_busy_ = true;
    const Event event = executor_->execute(action, {});
    live_busy_ = false;
    if (std::holds_alternative<SkipTo>(action)) sim_.note_skip();
    ask(event);
  }
  sim_.check(this);
}

void Process::step_history() {
  if (coordinator_->tables()[0].options().has_hot) {
    ++history_busy_;
    if (history_.step()) ask(Recheck{0, ++rechecks_});
    --history_busy_;
  }
  sim_.check(this);
}

void Process::go_on_beside(Caller caller) {
  if (caller == Caller::kLive && history_busy_ == 0) return step_history();
  if (caller == Caller::kHistory && !live_busy_ && sim_.chance(0.7)) return step_live();
  if (caller == Caller::kHistory && history_busy_ < kHistoryThreads) step_history();
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

fakes::Faults Simulation::faults(int process, Caller caller) {
  return {.fate = [this, process, caller](std::string_view step) { return fate(process, caller, step); },
          .land_late = [this](std::function<void()> effect) { late_.push_back(std::move(effect)); },
          .process = process};
}

fakes::Fate Simulation::fate(int process, Caller caller, std::string_view step) {
  stores_.note_announcement();
  if (chance(0.1)) land_one();
  const bool of_hot = step.starts_with("hot.") || step.starts_with("kv.");
  if (of_hot && processes_.contains(process) && chance(0.2)) {
    for (int64_t steps = 1 + random(8); steps > 0; --steps) processes_[process]->go_on_beside(caller);
  }
  if (quiet_) return fakes::Fate::kDone;
  if (outage_ > 0) --outage_;
  if (chance(options_.fault_rate / 40)) outage_ = random(600);
  if (outage_ > 0 && step.starts_with("hot.")) return fakes::Fate::kUnavailable;
  disturb();
  if (!chance(options_.fault_rate)) return fakes::Fate::kDone;
  return static_cast<fakes::Fate>(1 + random(6));
}

void Simulation::disturb() {
  if (depth_ < kNestingMax && chance(options_.takeover_rate)) run_newer_process();
  if (chance(options_.fault_rate / (options_.seed % 5 == 1 ? 4 : 20))) lose_something();
  if (chance(options_.drop_rate) && stores_.hot.exists) {
    stores_.hot.drop();
    ++report_.drops;
  }
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
    stores_.hot.fence = stores_.hot.bulk_fence = Epoch{0};
  } else if (!stores_.key_value_history.empty()) {
    stores_.key_value = stores_.key_value_history[static_cast<size_t>(
        random(static_cast<int64_t>(stores_.key_value_history.size())))];
  }
}

// The caller stands still inside its call while this runs.
void Simulation::run_newer_process() {
  ++report_.takeovers;
  run_process(static_cast<int>(random(400)), Seq{goal()});
}

void Simulation::run_process(int steps, Seq goal, bool with_hot) {
  ++depth_;
  const int number = ++report_.processes;
  {
    Process process(*this, number, goal, with_hot);
    try {
      while (steps-- > 0 && report_.violation.empty() && process.step()) ++report_.steps;
      // Nobody is live any more: a backfill goes on under the lease of this process.
      if (process.finished() && process.finished()->ok() && with_hot) run_history(&process);
    } catch (const fakes::Killed&) {
      ++report_.kills;
    }
    if (const auto& finished = process.finished()) {
      if (finished->ok() && process.coordinator().goal_reached() && with_hot) complete_ = true;
      if (finished->code() == StatusCode::kFenced) ++report_.fenced;
      if (!finished->ok() && finished->code() != StatusCode::kFenced) {
        report_.violation = "process " + std::to_string(number) + " gave up: " + finished->to_string();
      }
    }
  }
  --depth_;
}

// With faults, a while; without, one backfill of everything.
void Simulation::run_history(Process* process) {
  HistoryWorker& history = process->history();
  if (quiet_) history.start_over();
  const int finished = stores_.job.finished;
  const auto over = [&] { return quiet_ && stores_.job.finished > finished; };
  for (int64_t steps = quiet_ ? options_.steps_max : random(300); steps > 0 && !over(); --steps) {
    if (!report_.violation.empty() || history.stopped()) return;
    process->step_history();
  }
}

// ClickHouse never stops a table, so its troubles do not end a process: what only a defect brings is looked for here.
std::string hot_violation(const Coordinator& coordinator) {
  const Status& trouble = coordinator.tables()[0].hot().last_error;
  const bool ours = trouble.code() == StatusCode::kInternal || trouble.code() == StatusCode::kDataLoss;
  return ours ? "ClickHouse: " + trouble.to_string() : "";
}

void Simulation::check(const Process* process) {
  if (!report_.violation.empty()) return;
  if (chance(0.3)) {
    auto& history = stores_.key_value_history;
    history.push_back(stores_.key_value);
    if (history.size() > 3) history.erase(history.begin());
  }
  report_.violation = violated_invariant(stores_);
  if (process != nullptr && report_.violation.empty()) report_.violation = process->history().violation();
  if (process != nullptr && report_.violation.empty()) report_.violation = hot_violation(process->coordinator());
  if (process != nullptr && report_.violation.empty() && process->coordinator().held_bytes() > 2 * kHeldBytesMax) {
    report_.violation = "I7: " + std::to_string(process->coordinator().held_bytes()) + " bytes held";
  }
}

Report Simulation::run() {
  // In some seeds the lake is older than ClickHouse, which so begins in the middle.
  if (options_.seed % 3 == 0) run_process(options_.steps_max, Seq{1 + random(goal())}, /*with_hot=*/false);
  while (!complete_ && report_.violation.empty() && report_.steps < options_.steps_max) {
    run_process(options_.steps_max - report_.steps, Seq{goal()});
  }
  if (report_.violation.empty() && !complete_) report_.violation = "no progress in " + std::to_string(report_.steps);
  // One more life without faults, and a backfill, while what is still under way lands: complete and exact is the only end.
  quiet_ = true;
  if (report_.violation.empty()) run_process(options_.steps_max, Seq{goal()});
  while (!late_.empty()) land_one();
  check(nullptr);
  if (report_.violation.empty()) report_.violation = incompleteness(stores_);
  report_.backfills = stores_.job.finished;
  report_.backfill_writes = stores_.job.writes;
  report_.backfill_resolves = stores_.job.resolves;
  report_.backfilled_rows = stores_.job.rows_inserted;
  return report_;
}

}  // namespace

Report simulate(const Options& options) { return Simulation(options).run(); }

}  // namespace weir::sim
