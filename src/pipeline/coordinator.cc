#include "pipeline/coordinator.h"

#include <algorithm>
#include <utility>

namespace weir::pipeline {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

}  // namespace

Coordinator::Coordinator(CoordinatorOptions options) : options_(std::move(options)) {
  tables_.reserve(options_.tables.size());
  for (size_t i = 0; i < options_.tables.size(); ++i) tables_.emplace_back(i, options_.tables[i]);
}

std::vector<Action> Coordinator::on(const Event& event, TimePoint now) {
  std::vector<Action> actions;
  if (phase_ == Phase::kFinished) return actions;
  handle(event, now, &actions);
  advance(now, &actions);
  return actions;
}

void Coordinator::handle(const Event& event, TimePoint now, std::vector<Action>* actions) {
  std::visit(Overloaded{
                 [&](const Sought& e) {
                   source_busy_ = false;
                   if (!e.status.ok()) return on_source_error(e.status, now);
                   if (phase_ == Phase::kSeeking) phase_ = Phase::kReading;
                 },
                 [&](const BatchRead& e) { on_batch(e, now, actions); },
                 [&](const Transformed& e) { on_slice(e, now); },
                 [&](const Released&) { releasing_ = false; },
                 [&](const Resolved& e) { tables_[e.table].on_resolved(e, now); },
                 [&](const Written& e) { tables_[e.table].on_written(e, now); },
                 [&](const CaughtUp& e) { tables_[e.table].on_caught_up(e, now); },
                 [&](const Settled& e) { tables_[e.table].on_settled(e, now); },
                 [&](const Looked& e) { tables_[e.table].on_looked(e, now); },
                 [&](const Skipped& e) { tables_[e.table].on_skipped(e, now); },
                 [&](const Checkpointed& e) { tables_[e.table].on_checkpointed(e); },
                 [&](const Recheck& e) {
                   if (phase_ != Phase::kDraining) tables_[e.table].recheck(e.number, now);
                 },
                 [&](const SkipAhead& e) { tables_[e.table].skip_ahead(); },
                 [&](const Tick&) {},
                 [&](const Drain&) {
                   drain_asked_ = true;
                   if (phase_ != Phase::kFinished) phase_ = Phase::kDraining;
                 },
             },
             event);
}

void Coordinator::on_batch(const BatchRead& event, TimePoint now, std::vector<Action>* actions) {
  source_busy_ = false;
  if (!event.batch.ok()) return on_source_error(event.batch.status(), now);
  source_failures_ = 0;
  source_error_ = ok_status();
  const BatchPtr& batch = *event.batch;
  if (batch == nullptr || batch->range().empty()) return;
  read_through_ = std::max(read_through_, batch->range().last);
  transforms_since_ = now;
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (tables_[i].stopped() || tables_[i].plan_ended() || tables_[i].behind()) continue;
    for (const SeqRange& part : tables_[i].cut(batch->range())) {
      actions->push_back(Transform{i, batch, part});
      ++transforms_;
    }
  }
}

void Coordinator::on_slice(const Transformed& event, TimePoint now) {
  --transforms_;
  TableProgress& table = tables_[event.table];
  if (table.stopped() || table.plan_ended() || table.behind()) return;
  if (!event.slice.ok()) return on_transform_error(event.slice.status(), &table, now);
  if (seek_again_ && (*event.slice)->range.first != table.next()) return;  // What was lost comes before it.
  table.on_slice(*event.slice, now);
  if (!table.plan_ended()) return;
  // What comes behind it needs tables of another shape: everything before it goes into both stores, then they are opened anew.
  plan_ended_ = true;
  phase_ = Phase::kDraining;
}

// Work that others do for us may fail as a source does. The table stays behind and reads again; the others go on.
void Coordinator::on_transform_error(const Status& status, TableProgress* table, TimePoint now) {
  const Status failed = status.with_context("transform");
  const bool may_pass = status.disposition() == Disposition::kRetry || status.disposition() == Disposition::kReconcile;
  const bool over = status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kShuttingDown;
  if (!may_pass && !over) return table->stop(failed);
  seek_again_ = true;  // At what those lack that do not wait.
  if (over) return on_source_error(status, now);
  const auto pause = options_.transform_retry.delay(table->transform_failures(), 0.0);
  table->fall_behind(failed, now + std::max<TimePoint::duration>(pause, now - transforms_since_));
}

const Status& Coordinator::source_error() const {
  const auto failing = std::find_if(tables_.begin(), tables_.end(), [](const TableProgress& table) {
    return !table.stopped() && !table.transform_error().ok();
  });
  return source_error_.ok() && failing != tables_.end() ? failing->transform_error() : source_error_;
}

// A plan that ended with slices which are gone has to be read to its end once more.
void Coordinator::on_loss() {
  seek_again_ = true;
  if (!plan_ended_ || drain_asked_ || !final_status_.ok()) return;
  plan_ended_ = std::any_of(tables_.begin(), tables_.end(), [](const TableProgress& table) { return table.plan_ended(); });
  if (!plan_ended_) phase_ = Phase::kReading;
}

void Coordinator::on_source_error(const Status& status, TimePoint now) {
  source_error_ = status;
  if (status.disposition() == Disposition::kRetry || status.disposition() == Disposition::kReconcile) {
    source_retry_at_ = now + options_.source_retry.delay(source_failures_++, 0.0);
    return;
  }
  // What was read is good and is committed; then a person has to decide.
  if (status.code() != StatusCode::kShuttingDown) final_status_ = status;
  phase_ = Phase::kDraining;
}

void Coordinator::advance(TimePoint now, std::vector<Action>* actions) {
  for (const TableProgress& table : tables_) {
    if (!table.fenced()) continue;
    phase_ = Phase::kFinished;
    actions->assign(1, Finish{table.fence_status()});
    return;
  }
  const bool draining = phase_ == Phase::kDraining;
  const bool goal_read = options_.goal && read_through_ >= *options_.goal;
  const bool hurry = draining || goal_read || held_bytes() > options_.held_bytes_max;
  for (TableProgress& table : tables_) {
    table.advance(now, hurry, draining, actions);
    if (table.take_loss()) on_loss();
  }
  advance_source(now, actions);
  finish_when_done(actions);
}

void Coordinator::advance_source(TimePoint now, std::vector<Action>* actions) {
  if (const Seq through = floor(); !releasing_ && through > released_) {
    releasing_ = true;
    released_ = through;
    actions->push_back(Release{through});
  }
  if (source_busy_ || transforms_ > 0 || now < source_retry_at_) return;
  const bool due = std::any_of(tables_.begin(), tables_.end(), [&](const TableProgress& table) {
    return !table.stopped() && table.behind() && now >= table.read_again_at();
  });
  if (phase_ == Phase::kReading && (std::exchange(seek_again_, false) || due)) phase_ = Phase::kSeeking;
  if (phase_ == Phase::kResolving || phase_ == Phase::kSeeking) {
    const bool ready = std::all_of(tables_.begin(), tables_.end(),
                                   [](const TableProgress& table) { return table.stopped() || table.ready(); });
    const bool any = std::any_of(tables_.begin(), tables_.end(), [](const TableProgress& t) { return !t.stopped(); });
    if (!ready || !any) return;
    Seq first{INT64_MAX};
    for (TableProgress& table : tables_) {
      if (table.stopped() || now < table.read_again_at()) continue;
      table.start_reading();
      first = std::min(first, table.next());
    }
    if (first == Seq{INT64_MAX}) return;  // All of them wait.
    phase_ = Phase::kSeeking;
    read_through_ = first - 1;
    source_busy_ = true;
    actions->push_back(Seek{first});
  } else if (phase_ == Phase::kReading && held_bytes() <= options_.held_bytes_max) {
    source_busy_ = true;
    actions->push_back(Read{});
  }
}

void Coordinator::finish_when_done(std::vector<Action>* actions) {
  const bool all_stopped =
      std::all_of(tables_.begin(), tables_.end(), [](const TableProgress& table) { return table.stopped().has_value(); });
  if (all_stopped && phase_ != Phase::kDraining) {
    if (final_status_.ok()) final_status_ = tables_.front().stopped()->with_context("table " + tables_.front().options().name);
    phase_ = Phase::kDraining;
  }
  if (options_.goal && !goal_reached_ && phase_ == Phase::kReading) {
    const bool reached = std::all_of(tables_.begin(), tables_.end(),
                                     [&](const TableProgress& table) { return table.reached(*options_.goal); });
    const bool stopped_short = std::any_of(tables_.begin(), tables_.end(),
                                           [](const TableProgress& table) { return table.stopped().has_value(); });
    goal_reached_ = reached;
    if (reached || stopped_short) phase_ = Phase::kDraining;
  }
  if (phase_ != Phase::kDraining || source_busy_ || transforms_ > 0) return;
  for (const TableProgress& table : tables_) {
    // A drain that came before the first resolve has nothing to commit.
    const bool untouched = !table.lake().ever_resolved && !table.lake().working() && !table.hot().working() &&
                           !table.dead_letters().working();
    if (!table.drained() && !untouched) return;
    if (table.stopped() && final_status_.ok()) {
      final_status_ = table.stopped()->with_context("table " + table.options().name);
    }
  }
  phase_ = Phase::kFinished;
  actions->push_back(Finish{final_status_});
}

Seq Coordinator::floor() const {
  Seq lowest{INT64_MAX};
  for (const TableProgress& table : tables_) {
    lowest = std::min(lowest, table.lake().ever_resolved ? table.lake_position() : Seq{0});
  }
  return lowest;
}

int64_t Coordinator::held_bytes() const {
  int64_t bytes = 0;
  for (const TableProgress& table : tables_) bytes += table.held_bytes();
  return bytes;
}

}  // namespace weir::pipeline
