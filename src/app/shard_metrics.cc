// What a shard tells about itself while it runs: one place turns actions and their events into metrics and log lines.
#include "app/shard.h"

#include <arrow/record_batch.h>

namespace weir::app {
namespace {

double seconds(std::chrono::microseconds time) { return static_cast<double>(time.count()) / 1e6; }

// Freshness of what became visible: every slice counts once, by its oldest event.
void observe_freshness(const Histogram& histogram, const pipeline::Write& write, int64_t now_us,
                       const std::function<void(bool hot, double seconds)>& visible) {
  for (const pipeline::SlicePtr& slice : write.slices) {
    if (slice->first_time_us == 0) continue;
    const double age = static_cast<double>(now_us - slice->first_time_us) / 1e6;
    histogram.observe(age);
    if (visible) visible(write.sink == pipeline::SinkKind::kHot, age);
  }
}

}  // namespace

void Shard::observe_read(const pipeline::BatchRead& read) {
  if (!read.batch.ok()) {
    telemetry_.log.warn("the stream is not readable", {{"stream", stream_}, {"reason", read.batch.status().to_string()}});
    return;
  }
  source_metrics_->messages.add(static_cast<int64_t>((*read.batch)->messages().size()));
  source_metrics_->bytes.add((*read.batch)->bytes());
  const uint64_t reconnects = services_.nats->reconnects();
  source_metrics_->reconnects.add(static_cast<int64_t>(reconnects - reconnects_seen_));
  reconnects_seen_ = reconnects;
}

void Shard::observe(const pipeline::Action& action, const pipeline::Event& event, std::chrono::microseconds took) {
  if (const auto* resolved = std::get_if<pipeline::Resolved>(&event)) {
    TableParts& parts = *tables_[resolved->table];
    const char* const store = resolved->sink == pipeline::SinkKind::kHot    ? "clickhouse"
                              : resolved->sink == pipeline::SinkKind::kLake ? "lake"
                                                                           : "dead letters";
    if (resolved->position.ok()) {
      if (resolved->sink == pipeline::SinkKind::kHot) ++parts.hot_resolves;
      telemetry_.log.info("store resolved",
                          {{"table", parts.plan->table}, {"store", store}, {"position", resolved->position->value}});
    } else {
      telemetry_.log.warn("store not resolved", {{"table", parts.plan->table},
                                                 {"store", store},
                                                 {"reason", resolved->position.status().to_string()}});
    }
    (resolved->sink == pipeline::SinkKind::kHot ? parts.metrics->hot_reconciliations : parts.metrics->lake_reconciliations)
        .add();
    return;
  }
  if (const auto* caught_up = std::get_if<pipeline::CaughtUp>(&event); caught_up != nullptr && caught_up->status.ok()) {
    tables_[caught_up->table]->metrics->hot_position.set(static_cast<double>(caught_up->position.value));
    return;
  }
  if (const auto* read = std::get_if<pipeline::BatchRead>(&event); read != nullptr) return observe_read(*read);
  const auto* written = std::get_if<pipeline::Written>(&event);
  const auto* write = std::get_if<pipeline::Write>(&action);
  if (written == nullptr || write == nullptr) return;
  TableParts& parts = *tables_[written->table];
  if (!written->status.ok()) {
    telemetry_.log.warn("write failed", {{"table", parts.plan->table},
                                         {"store", written->sink == pipeline::SinkKind::kHot ? "clickhouse" : "lake"},
                                         {"reason", written->status.to_string()}});
    return;
  }
  const int64_t now_us = telemetry_.clock.unix_us();
  if (written->sink == pipeline::SinkKind::kHot) {
    parts.metrics->hot_position.set(static_cast<double>(written->position.value));
    parts.metrics->hot_inserts.add();
    parts.metrics->hot_insert_seconds.observe(seconds(took));
    for (const auto& slice : write->slices) parts.metrics->hot_rows.add(slice->row_count());
    observe_freshness(parts.metrics->hot_freshness_seconds, *write, now_us, options_.visible);
  } else if (written->sink == pipeline::SinkKind::kLake) {
    parts.metrics->lake_position.set(static_cast<double>(written->position.value));
    parts.metrics->lake_commits.add();
    parts.metrics->lake_commit_seconds.observe(seconds(took));
    observe_freshness(parts.metrics->lake_freshness_seconds, *write, now_us, options_.visible);
    for (const auto& slice : write->slices) {
      parts.metrics->events.add(slice->events);
      parts.metrics->rows.add(slice->row_count());
      parts.metrics->filtered.add(slice->filtered);
      parts.metrics->dead_letters.add(slice->reject_count());
      if (slice->last_time_us > 0) parts.newest_event_us.store(slice->last_time_us);
    }
  }
}

}  // namespace weir::app
