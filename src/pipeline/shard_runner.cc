#include "pipeline/shard_runner.h"

#include <algorithm>
#include <utility>

namespace weir::pipeline {
namespace {

// How late a commit interval or a retry may be noticed.
constexpr std::chrono::milliseconds kTick{20};

}  // namespace

/// One thread that does the actions of one lane in order.
class ShardRunner::Lane {
 public:
  explicit Lane(ShardRunner& runner) : runner_(runner), thread_([this](const std::stop_token& stop) { work(stop); }) {}

  void push(Action action) {
    std::lock_guard lock(mutex_);
    actions_.push_back(std::move(action));
    changed_.notify_one();
  }

  void request_stop() { thread_.request_stop(); }

 private:
  void work(const std::stop_token& stop) {
    while (true) {
      std::unique_lock lock(mutex_);
      if (!changed_.wait(lock, stop, [&] { return !actions_.empty(); })) return;
      if (stop.stop_requested()) return;
      const Action action = std::move(actions_.front());
      actions_.pop_front();
      lock.unlock();
      const TimePoint started = runner_.clock_.now();
      Event event = runner_.executor_.execute(action, stop);
      if (runner_.observer_) {
        runner_.observer_(action, event, std::chrono::duration_cast<microseconds>(runner_.clock_.now() - started));
      }
      runner_.post(std::move(event));
    }
  }

  ShardRunner& runner_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Action> actions_;
  std::jthread thread_;  // Last: it uses everything above.
};

ShardRunner::ShardRunner(CoordinatorOptions options, Executor& executor, const Clock& clock, Observer observer)
    : executor_(executor), clock_(clock), observer_(std::move(observer)), coordinator_(std::move(options)) {
  const size_t lanes = 1 + 2 * coordinator_.tables().size();
  for (size_t i = 0; i < lanes; ++i) lanes_.push_back(std::make_unique<Lane>(*this));
  publish_status();
}

ShardRunner::~ShardRunner() {
  for (const auto& lane : lanes_) lane->request_stop();
}

// Lane 0: the source. Then per table: lake and dead letters, ClickHouse.
size_t ShardRunner::lane_of(const Action& action) const {
  const auto lake = [](TableIndex table) { return 1 + 2 * table; };
  const auto hot = [](TableIndex table) { return 2 + 2 * table; };
  const auto of_sink = [&](TableIndex table, SinkKind sink) { return sink == SinkKind::kHot ? hot(table) : lake(table); };
  if (const auto* resolve = std::get_if<Resolve>(&action)) return of_sink(resolve->table, resolve->sink);
  if (const auto* write = std::get_if<Write>(&action)) return of_sink(write->table, write->sink);
  if (const auto* catch_up = std::get_if<CatchUp>(&action)) return hot(catch_up->table);
  if (const auto* settle = std::get_if<Settle>(&action)) return hot(settle->table);
  if (const auto* look = std::get_if<Look>(&action)) return hot(look->table);
  if (const auto* skip_to = std::get_if<SkipTo>(&action)) return hot(skip_to->table);
  if (const auto* checkpoint = std::get_if<Checkpoint>(&action)) return lake(checkpoint->table);
  return 0;
}

Status ShardRunner::run() {
  std::optional<Status> finish;
  dispatch(coordinator_.on(Tick{}, clock_.now()), &finish);
  while (!finish) {
    const std::optional<Event> event = next_event();
    {
      std::lock_guard lock(mutex_);
      if (aborted_) finish = aborted_;
    }
    if (finish) break;
    dispatch(coordinator_.on(event ? *event : Event(Tick{}), clock_.now()), &finish);
    publish_status();
  }
  for (const auto& lane : lanes_) lane->request_stop();
  lanes_.clear();
  publish_status();
  return *finish;
}

std::optional<Event> ShardRunner::next_event() {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, kTick, [&] { return !events_.empty() || aborted_; });
  if (drain_deadline_ && clock_.now() > *drain_deadline_ && !aborted_) {
    aborted_ = unavailable("not drained within shutdown_timeout; what is missing comes again at the next start");
  }
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void ShardRunner::dispatch(std::vector<Action> actions, std::optional<Status>* finish) {
  for (Action& action : actions) {
    if (auto* done = std::get_if<Finish>(&action)) {
      *finish = done->status;
      return;
    }
    lanes_[lane_of(action)]->push(std::move(action));
  }
}

void ShardRunner::post(Event event) {
  std::lock_guard lock(mutex_);
  events_.push_back(std::move(event));
  changed_.notify_one();
}

void ShardRunner::drain(std::optional<std::chrono::milliseconds> timeout) {
  std::lock_guard lock(mutex_);
  if (timeout) {
    const TimePoint deadline = clock_.now() + *timeout;
    drain_deadline_ = drain_deadline_ ? std::min(*drain_deadline_, deadline) : deadline;
  }
  if (draining_) return;
  draining_ = true;
  events_.emplace_back(Drain{});
  changed_.notify_one();
}

int64_t ShardRunner::recheck(TableIndex table) {
  std::lock_guard lock(mutex_);
  events_.emplace_back(Recheck{table, ++rechecks_asked_});
  changed_.notify_one();
  return rechecks_asked_;
}

void ShardRunner::skip_ahead(TableIndex table) { post(SkipAhead{table}); }

void ShardRunner::abort(Status status) {
  std::lock_guard lock(mutex_);
  if (!aborted_) aborted_ = std::move(status);
  changed_.notify_one();
}

void ShardRunner::publish_status() {
  ShardStatus status{.reading = coordinator_.reading(),
                     .finished = coordinator_.finished(),
                     .source_error = coordinator_.source_error().ok() ? "" : coordinator_.source_error().to_string(),
                     .held_bytes = coordinator_.held_bytes(),
                     .tables = {}};
  for (const TableProgress& table : coordinator_.tables()) {
    const auto trouble = [](const SinkProgress& sink) { return sink.last_error.ok() ? "" : sink.last_error.to_string(); };
    status.tables.push_back({.table = table.options().name,
                             .lake_position = table.lake_position(),
                             .dead_letter_position = table.dead_letters().position,
                             .hot_position = table.hot().position,
                             .hot_mode = table.hot_mode(),
                             .rechecked = table.rechecked(),
                             .hot_error = table.hot_mode() == HotMode::kLive ? "" : trouble(table.hot()),
                             .lake_error = trouble(table.lake()) + trouble(table.dead_letters()),
                             .stopped = table.stopped() ? table.stopped()->to_string() : "",
                             .counts = table.counts()});
  }
  std::lock_guard lock(mutex_);
  status_ = std::move(status);
  goal_reached_ = coordinator_.goal_reached();
  plan_ended_ = coordinator_.plan_ended();
}

ShardStatus ShardRunner::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

bool ShardRunner::goal_reached() const {
  std::lock_guard lock(mutex_);
  return goal_reached_;
}

bool ShardRunner::plan_ended() const {
  std::lock_guard lock(mutex_);
  return plan_ended_;
}

}  // namespace weir::pipeline
