#include "app/status_sampler.h"

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <string>
#include <utility>

#include "app/version.h"

namespace weir::app {
namespace {

constexpr std::chrono::microseconds kRateWindow = std::chrono::seconds(10);
constexpr std::chrono::microseconds kStreamEndInterval = std::chrono::seconds(1);

HotMode shown(pipeline::HotMode mode) {
  switch (mode) {
    case pipeline::HotMode::kNone: return HotMode::kNone;
    case pipeline::HotMode::kDetached: return HotMode::kDetached;
    case pipeline::HotMode::kCatchingUp: return HotMode::kCatchingUp;
    case pipeline::HotMode::kLive: return HotMode::kLive;
  }
  return HotMode::kNone;
}

std::string first_of(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace

StatusSampler::StatusSampler(const PipelineConfig& config, Services& services, Telemetry telemetry)
    : config_(config), services_(services), telemetry_(telemetry), started_us_(telemetry.clock.unix_us()) {}

StatusSnapshot StatusSampler::take(const std::vector<Shard*>& shards, const Followers& followers, PipelineState state) {
  StatusSnapshot snapshot;
  snapshot.pipeline = config_.pipeline.name;
  snapshot.version = kVersion;
  snapshot.state = state;
  snapshot.time_us = telemetry_.clock.unix_us();
  snapshot.started_us = started_us_;
  if (state != PipelineState::kRunning) snapshot.not_ready.emplace_back(to_string(state));
  Sample sample{.time_us = snapshot.time_us, .events = {}, .rows = {}, .hot_positions = {}};
  std::erase_if(stream_ends_, [&](const auto& end) { return std::ranges::find(shards, end.first) == shards.end(); });
  for (Shard* shard : shards) add_shard(*shard, &snapshot, &sample);
  followers.for_each([&](const TableFollower& follower) { add_follower(follower, &snapshot, &sample); });
  add_rates(std::move(sample), &snapshot);
  return snapshot;
}

Result<Seq> StatusSampler::stream_end(Shard& shard, int64_t now_us) {
  if (const Status reachable = services_.nats->check(); !reachable.ok()) return reachable;
  StreamEnd& end = stream_ends_[&shard];
  if (now_us - end.asked_us >= kStreamEndInterval.count()) end = {.asked_us = now_us, .seq = shard.stream_end()};
  return end.seq;
}

void StatusSampler::add_shard(Shard& shard, StatusSnapshot* snapshot, Sample* sample) {
  const pipeline::ShardStatus status = shard.status();
  const Result<Seq> end = stream_end(shard, snapshot->time_us);
  if (!end.ok()) snapshot->not_ready.push_back("NATS does not answer: " + end.status().message());
  if (!status.source_error.empty()) {
    snapshot->not_ready.push_back("stream " + shard.stream() + ": " + status.source_error);
  }
  for (size_t i = 0; i < status.tables.size(); ++i) {
    const pipeline::TableStatus& table = status.tables[i];
    const TableParts& parts = *shard.tables()[i];
    weir::ShardStatus out = shard_status(table, parts, end, snapshot->time_us);
    if (out.last_error.empty()) out.last_error = status.source_error;
    parts.metrics->queue_bytes.set(static_cast<double>(status.held_bytes));
    add_table(table, parts, std::move(out), snapshot, sample);
  }
}

// What the source of such a table holds is its stream: its lag is against that.
void StatusSampler::add_follower(const TableFollower& follower, StatusSnapshot* snapshot, Sample* sample) {
  const pipeline::TableStatus table = follower.status();
  weir::ShardStatus out = shard_status(table, follower.parts(), follower.source_position(), snapshot->time_us);
  add_table(table, follower.parts(), std::move(out), snapshot, sample);
}

void StatusSampler::add_table(const pipeline::TableStatus& table, const TableParts& parts, weir::ShardStatus shown,
                              StatusSnapshot* snapshot, Sample* sample) {
  add_reasons(table, shown, snapshot);
  sample->events.push_back(table.counts.events);
  sample->rows.push_back(table.counts.rows());
  sample->hot_positions.push_back(table.hot_position.value);
  weir::TableStatus shown_table{
      .name = table.table, .stream = parts.section->source(), .plan_id = parts.plan->id(), .columns = {}, .shards = {}};
  for (const RowColumn& column : parts.plan->rows) {
    shown_table.columns.push_back({.name = column.name, .type = to_string(column.type), .nullable = column.nullable});
  }
  shown_table.shards.push_back(std::move(shown));
  snapshot->tables.push_back(std::move(shown_table));
}

weir::ShardStatus StatusSampler::shard_status(const pipeline::TableStatus& table, const TableParts& parts,
                                              const Result<Seq>& stream_end, int64_t now_us) const {
  weir::ShardStatus out;
  out.lake_position = table.lake_position.value;
  if (table.hot_mode != pipeline::HotMode::kNone) out.hot_position = table.hot_position.value;
  if (stream_end.ok()) {
    out.stream_last_seq = stream_end->value;
    out.lag_events = std::max<int64_t>(0, *stream_end - table.lake_position);
    const int64_t newest = parts.newest_event_us.load();
    out.lag_seconds = *out.lag_events == 0 || newest == 0 ? 0.0 : static_cast<double>(now_us - newest) / 1e6;
    parts.metrics->lag_events.set(static_cast<double>(*out.lag_events));
    parts.metrics->lag_seconds.set(*out.lag_seconds);
  }
  out.totals = {.events = table.counts.events,
                .rows = table.counts.rows(),
                .filtered = table.counts.left_out(),
                .dead_letters = table.counts.dead_letters()};
  out.hot_mode = shown(table.hot_mode);
  out.hot_reason = table.hot_error;
  out.last_error = first_of({table.stopped, table.lake_error, table.hot_error});
  out.stopped_reason = table.stopped;
  parts.metrics->hot_mode.set(static_cast<double>(out.hot_mode));
  parts.metrics->stopped.set(table.stopped.empty() ? 0 : 1);
  return out;
}

// ClickHouse being away is no reason: the lake goes on, and readers of it are served.
void StatusSampler::add_reasons(const pipeline::TableStatus& table, const weir::ShardStatus& shard,
                                StatusSnapshot* snapshot) const {
  const std::string name = "table " + table.table;
  if (!table.stopped.empty()) snapshot->not_ready.push_back(name + " stopped: " + table.stopped);
  if (!table.lake_error.empty()) snapshot->not_ready.push_back(name + ": " + table.lake_error);
  const double seconds_behind = shard.lag_seconds.value_or(0);
  if (seconds_behind > static_cast<double>(config_.limits.ready_lag.count()) / 1e3) {
    snapshot->not_ready.push_back(name + " is " + std::to_string(static_cast<int64_t>(seconds_behind)) + " s behind");
  }
}

void StatusSampler::add_rates(Sample sample, StatusSnapshot* snapshot) {
  // A shard that is being opened again takes its tables out of the lists: what stands where has changed then.
  std::vector<std::string> tables;
  for (const weir::TableStatus& table : snapshot->tables) tables.push_back(table.name);
  if (tables != sampled_tables_) samples_.clear();
  sampled_tables_ = std::move(tables);
  samples_.push_back(std::move(sample));
  const Sample& now = samples_.back();
  while (samples_.front().time_us < now.time_us - kRateWindow.count()) samples_.pop_front();
  const Sample& then = samples_.front();
  const double seconds = static_cast<double>(now.time_us - then.time_us) / 1e6;
  if (seconds <= 0) return;
  for (size_t i = 0; i < snapshot->tables.size() && i < then.events.size(); ++i) {
    const auto per_second = [&](const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
      return static_cast<double>(a[i] - b[i]) / seconds;
    };
    snapshot->tables[i].shards.front().rates = {
        .events_per_second = per_second(now.events, then.events),
        .lake_rows_per_second = per_second(now.rows, then.rows),
        .hot_rows_per_second = per_second(now.hot_positions, then.hot_positions)};
  }
}

}  // namespace weir::app
