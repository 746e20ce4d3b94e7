#include "pipeline/executor.h"

#include <utility>

#include "base/crash_point.h"
#include "pipeline/lake_slices.h"

namespace weir::pipeline {

Executor::Executor(EventSource& source, std::optional<StreamIdentity> identity, std::vector<TablePorts> tables,
                   ReadLimits read_limits)
    : source_(source), identity_(identity), tables_(std::move(tables)), read_limits_(read_limits) {}

Sink& Executor::sink(TableIndex table, SinkKind kind) {
  switch (kind) {
    case SinkKind::kLake: return *tables_[table].lake;
    case SinkKind::kDeadLetters: return *tables_[table].dead_letters;
    case SinkKind::kHot: break;
  }
  return *tables_[table].hot;
}

std::optional<RunningCounts> Executor::counts(TableIndex table, SinkKind kind) {
  if (kind != SinkKind::kLake) return std::nullopt;
  return tables_[table].lake->counts();
}

Event Executor::execute(const Action& action, const std::stop_token& stop) {
  struct Visitor {
    Executor& self;
    const std::stop_token& stop;
    Event operator()(const Seek& a) { return Sought{self.source_.seek(a.first, std::exchange(self.identity_, std::nullopt))}; }
    Event operator()(const Read&) { return self.do_read(stop); }
    Event operator()(const Transform& a) {
      return Transformed{a.table, self.tables_[a.table].transform->apply(*a.batch, a.range)};
    }
    Event operator()(const Release& a) {
      Status status = self.source_.release_through(a.through);
      crash_point("ack_sent");
      return Released{std::move(status)};
    }
    Event operator()(const Resolve& a) { return self.do_resolve(a); }
    Event operator()(const Write& a) { return self.do_write(a); }
    Event operator()(const CatchUp& a) { return self.do_catch_up(a, stop); }
    Event operator()(const Settle& a) { return Settled{a.table, self.tables_[a.table].hot->settle()}; }
    Event operator()(const Look& a) { return Looked{a.table, self.tables_[a.table].hot->look()}; }
    Event operator()(const SkipTo& a) { return self.do_skip_to(a); }
    Event operator()(const Checkpoint& a) { return Checkpointed{a.table, self.tables_[a.table].lake->checkpoint()}; }
    Event operator()(const Finish&) { return Tick{}; }
  };
  return std::visit(Visitor{*this, stop}, action);
}

Event Executor::do_read(const std::stop_token& stop) {
  auto batch = source_.next(read_limits_, stop);
  if (!batch.ok()) return BatchRead{batch.status()};
  return BatchRead{BatchPtr(std::move(*batch))};
}

Event Executor::do_resolve(const Resolve& action) {
  if (action.sink == SinkKind::kHot) tables_[action.table].hot->lake_at(action.lake_position);
  auto position = sink(action.table, action.sink).resolve();
  return Resolved{action.table, action.sink, std::move(position), counts(action.table, action.sink)};
}

Event Executor::do_write(const Write& action) {
  Sink& target = sink(action.table, action.sink);
  Status status = target.write(action.slices);
  return Written{action.table, action.sink, std::move(status), target.position(), counts(action.table, action.sink)};
}

Event Executor::do_skip_to(const SkipTo& action) {
  HotSink& hot = *tables_[action.table].hot;
  Status status = hot.skip_to(action.position);
  return Skipped{action.table, std::move(status), hot.position()};
}

Event Executor::do_catch_up(const CatchUp& action, const std::stop_token& stop) {
  const TablePorts& table = tables_[action.table];
  Status status = for_each_lake_slice(*table.lake_table, table.shard, action.range, stop,
                                      [&](const SlicePtr& slice) { return table.hot->write({slice}); });
  return CaughtUp{action.table, std::move(status), table.hot->position()};
}

}  // namespace weir::pipeline
