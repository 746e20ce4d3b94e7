#include "tests/sim/simulation.h"

#include <algorithm>
#include <utility>

#include "maintain/retention.h"
#include "tests/sim/simulation_run.h"

namespace weir::sim {

using namespace weir::pipeline;  // NOLINT: the simulation is written in the pipeline's own terms.

namespace {

constexpr int kNestingMax = 3;
constexpr int kCommandsMax = 2;
constexpr double kRivalFactor = 25;  // A rewrite that is about to commit meets another one so much more often.
constexpr std::chrono::milliseconds kCallMax = std::chrono::seconds(5);
constexpr std::chrono::milliseconds kIdleMax = std::chrono::hours(2);
constexpr std::chrono::milliseconds kTombstonesKept = std::chrono::hours(8);

// ClickHouse never stops a table, so its troubles do not end a process: what only a defect brings is looked for here.
std::string hot_violation(const Coordinator& coordinator) {
  const Status& trouble = coordinator.tables()[0].hot().last_error;
  const bool ours = trouble.code() == StatusCode::kInternal || trouble.code() == StatusCode::kDataLoss;
  return ours ? "ClickHouse: " + trouble.to_string() : "";
}

}  // namespace

Simulation::Simulation(const Options& options)
    : options_(options),
      rng_(options.seed),
      stores_{.lake = fakes::LakeState({{position_app_id("t", 0), 0}}), .dead_letters = fakes::LakeState()},
      outage_(options.fault_rate > 0 && options.seed % 2 == 0 ? random(1000) : 0) {
  constexpr std::string_view kKinds = "rrrrrrrrxff--";
  for (int64_t i = 0; i < options.events; ++i) {
    stores_.stream.events.push_back(
        static_cast<fakes::EventKind>(kKinds[static_cast<size_t>(random(static_cast<int64_t>(kKinds.size())))]));
  }
  stores_.retention = std::chrono::hours(1 + random(4));
  stores_.log_retention = std::chrono::hours(1 + random(3));
  for (fakes::LakeState* lake : {&stores_.lake, &stores_.dead_letters}) {
    lake->now_ms = [this] { return stores_.now_ms; };
    lake->partition_sequences = random(3) == 0 ? 0 : 20 + random(100);
    lake->tombstones_kept_ms = kTombstonesKept.count();
    lake->write_lifetime_ms = maintain::kVacuumFloor.count();
    lake->standstill_ms = maintain::kStandstillMax.count();
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
  stores_.now_ms += random(kCallMax.count());
  // A command has no other threads; the newest process runs beside it.
  const int beside = process > 0 || processes_.empty() ? process : processes_.rbegin()->first;
  if (!step.starts_with("source.") && processes_.contains(beside) && chance(0.2)) {
    for (int64_t steps = 1 + random(8); steps > 0; --steps) processes_[beside]->go_on_beside(caller);
  }
  if (quiet_) return fakes::Fate::kDone;
  if (outage_ > 0) --outage_;
  if (chance(options_.fault_rate / 40)) outage_ = random(600);
  if (outage_ > 0 && step.starts_with("hot.")) return fakes::Fate::kUnavailable;
  disturb(step);
  if (!chance(options_.fault_rate)) return fakes::Fate::kDone;
  return static_cast<fakes::Fate>(1 + random(6));
}

void Simulation::disturb(std::string_view step) {
  if (depth_ < kNestingMax && chance(options_.takeover_rate)) run_newer_process();
  const double rivals = step == "upkeep.commit" ? kRivalFactor : 1;
  if (commands_ < kCommandsMax && chance(options_.maintain_rate * rivals)) run_maintain_command();
  if (chance(options_.fault_rate / (options_.seed % 5 == 1 ? 4 : 20))) lose_something();
  if (chance(options_.drop_rate) && stores_.hot.exists) {
    stores_.hot.drop();
    note_history();
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
    note_history();
  }
}

// The caller stands still inside its call while this runs.
void Simulation::run_newer_process() {
  ++report_.takeovers;
  run_process(static_cast<int>(random(400)), Seq{goal()});
}

// `weir maintain`, while the caller stands still inside its call.
void Simulation::run_maintain_command() {
  ++commands_;
  const int number = -++report_.maintain_commands;
  UpkeepWorker command(stores_, faults(number, Caller::kUpkeep), [this](int64_t below) { return random(below); });
  try {
    command.round();
  } catch (const fakes::Killed& killed) {
    --commands_;
    // A process that ran beside it takes the command along: the caller is one of its threads.
    if (killed.process != number) throw;
    ++commands_;
    ++report_.maintain_kills;
  }
  --commands_;
  if (report_.violation.empty()) report_.violation = command.violation();
  check(nullptr);
}

void Simulation::let_hours_pass() { stores_.now_ms += random(kIdleMax.count()); }

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

std::string Simulation::lake_violation() {
  // A removed file is stamped when its rewrite begins, so a vacuum may end a version that much earlier.
  const std::chrono::milliseconds kept = std::min(stores_.retention - maintain::kVacuumFloor, stores_.log_retention);
  std::optional<size_t> pinned;
  if (stores_.job.number > 0 && !stores_.job.done) pinned = stores_.job.version;
  if (auto text = rows_watch_.violation(stores_.lake, kept.count(), pinned); !text.empty()) return text;
  const auto text = dead_letters_watch_.violation(stores_.dead_letters, kept.count(), std::nullopt);
  return text.empty() ? "" : "dead letters: " + text;
}

void Simulation::check(const Process* process) {
  if (!report_.violation.empty()) return;
  if (chance(0.3)) {
    auto& history = stores_.key_value_history;
    history.push_back(stores_.key_value);
    if (history.size() > 3) history.erase(history.begin());
  }
  report_.violation = violated_invariant(stores_);
  if (report_.violation.empty()) report_.violation = lake_violation();
  if (process != nullptr && report_.violation.empty()) report_.violation = process->history().violation();
  if (process != nullptr && report_.violation.empty()) report_.violation = process->upkeep().violation();
  if (process != nullptr && report_.violation.empty()) report_.violation = hot_violation(process->coordinator());
  if (process != nullptr && report_.violation.empty() && process->coordinator().held_bytes() > 2 * kHeldBytesMax) {
    report_.violation = "I7: " + std::to_string(process->coordinator().held_bytes()) + " bytes held";
  }
}

Report Simulation::run() {
  // In some seeds the lake is older than ClickHouse, which so begins in the middle.
  stores_.all_owed = options_.seed % 3 != 0;
  if (!stores_.all_owed) run_process(options_.steps_max, Seq{1 + random(goal())}, /*with_hot=*/false);
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
  report_.upkeep = stores_.upkeep;
  report_.executions = stores_.cluster.executions;
  report_.doubled = stores_.cluster.doubled;
  report_.overdue = stores_.cluster.overdue;
  report_.lost = stores_.cluster.lost;
  report_.rewrites_refused = stores_.lake.rewrites_refused + stores_.dead_letters.rewrites_refused;
  report_.standstills += stores_.lake.standstills + stores_.dead_letters.standstills;
  return report_;
}

Report simulate(const Options& options) { return Simulation(options).run(); }

}  // namespace weir::sim
