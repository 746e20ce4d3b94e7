#include "tests/sim/process.h"

#include <utility>
#include <variant>

#include "tests/sim/simulation_run.h"

namespace weir::sim {

using namespace weir::pipeline;  // NOLINT: the simulation is written in the pipeline's own terms.

namespace {

constexpr int kHistoryThreads = 2;

// Storing a backfill's job is one more call that may fail. What it pins is no version of hours ago.
Status keep_job(fakes::LakeState& lake, const fakes::Faults& faults) {
  const int64_t called_ms = lake.now_ms();
  const fakes::Fate fate = faults.fate("jobs.put");
  const bool stood_still = lake.now_ms() - called_ms >= lake.standstill_ms;
  lake.standstills += stood_still ? 1 : 0;
  if (stood_still || fate == fakes::Fate::kKilledBefore || fate == fakes::Fate::kKilledAfter)
    throw fakes::Killed{faults.process};
  return fate == fakes::Fate::kDone ? ok_status() : unavailable("jobs.put");
}

}  // namespace

Process::Process(Simulation& simulation, int number, Seq goal, bool with_hot)
    : sim_(simulation),
      number_(number),
      faults_(simulation.faults(number, Caller::kLive)),
      history_faults_(simulation.faults(number, Caller::kHistory)),
      key_value_(simulation.stores().key_value, faults_),
      history_key_value_(simulation.stores().key_value, history_faults_),
      lake_table_(simulation.stores().lake, faults_),
      history_lake_table_(simulation.stores().lake, history_faults_),
      dead_letter_table_(simulation.stores().dead_letters, faults_),
      hot_table_(simulation.stores().hot, faults_),
      history_table_(simulation.stores().hot, history_faults_),
      source_(simulation.stores().stream, faults_, [&simulation] { return 1 + simulation.random(12); }),
      committables_(simulation.stores().cluster, faults_),
      cluster_(simulation.stores().cluster, simulation.stores().stream, simulation.stores().lake,
               simulation.stores().dead_letters, faults_, [&simulation](int64_t below) { return simulation.random(below); }),
      staged_(cluster_, committables_,
              {.shard = 0, .plan_id = "plan", .spec = [](const std::string& job) { return job; }, .part_sequences_min = 2}),
      lake_(lake_table_, {.table = "t", .shard = 0, .epoch = Epoch{number}, .stream_base = 0, .stream_created_us = 1}),
      dead_letters_(dead_letter_table_, "t", 0, Epoch{number},
                    [](const std::vector<const Reject*>& rejects) {
                      std::vector<RowId> ids;
                      for (const Reject* reject : rejects) ids.push_back({reject->seq, reject->row});
                      return Result<std::shared_ptr<arrow::RecordBatch>>(fakes::rows_of(ids));
                    }),
      history_(
          simulation.stores(), history_lake_table_, history_table_, history_key_value_, Epoch{number},
          [&simulation](int64_t below) { return simulation.random(below); },
          [this] { return keep_job(sim_.stores().lake, history_faults_); }),
      upkeep_(simulation.stores(), simulation.faults(number, Caller::kUpkeep),
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
  // The same pipeline may run on a cluster today and without one tomorrow.
  const bool on_cluster = sim_.chance(sim_.options().cluster_rate);
  if (sim_.quiet() || sim_.options().fault_rate == 0) cluster_.trouble_percent = 0;
  executor_ = std::make_unique<Executor>(source_, std::nullopt,
                                         std::vector<TablePorts>{{.transform = on_cluster ? static_cast<RowTransform*>(&staged_) : &transform_,
                                                                  .lake_table = &lake_table_,
                                                                  .lake = &lake_,
                                                                  .dead_letters = &dead_letters_,
                                                                  .hot = hot_.get(),
                                                                  .shard = 0}},
                                         ReadLimits{});
  TableOptions table{.name = "t", .has_hot = with_hot};
  table.staged = on_cluster;
  table.catch_up_sequences = 20;
  table.checkpoint_commits = 5;
  table.hot_wait_max = std::chrono::milliseconds(1500);
  start_kept_ = !with_hot;
  coordinator_ = std::make_unique<Coordinator>(
      CoordinatorOptions{.tables = {table}, .held_bytes_max = kHeldBytesMax, .goal = goal, .source_retry = {}});
}

size_t Process::lane_of(const Action& action) {
  if (const auto* resolve = std::get_if<Resolve>(&action)) return resolve->sink == SinkKind::kHot ? 2 : 1;
  if (const auto* write = std::get_if<Write>(&action)) return write->sink == SinkKind::kHot ? 2 : 1;
  if (std::holds_alternative<CatchUp>(action) || std::holds_alternative<Settle>(action) ||
      std::holds_alternative<Look>(action) ||
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
  if (sim_.chance(0.01)) sim_.let_hours_pass();
  if (!start_kept_) {
    start_kept_ = hot_->keep_start().ok();
  } else if (sim_.chance(sim_.options().upkeep_rate)) {
    step_upkeep();
  } else if (sim_.chance(0.2)) {
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
    sim_.note_history();
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

void Process::step_upkeep() {
  if (!upkeep_.busy()) upkeep_.round();
  sim_.check(this);
}

void Process::go_on_beside(Caller caller) {
  if (!start_kept_) return;  // Its other threads are not there yet.
  if (caller != Caller::kUpkeep && sim_.chance(sim_.options().upkeep_rate)) return step_upkeep();
  if (caller == Caller::kLive && history_busy_ == 0) return step_history();
  if (caller != Caller::kLive && !live_busy_ && sim_.chance(0.7)) return step_live();
  if (caller != Caller::kLive && history_busy_ < kHistoryThreads) step_history();
}

}  // namespace weir::sim
