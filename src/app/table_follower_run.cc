// The loop of a table that follows another one, and what it tells about itself.
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "app/table_follower.h"
#include "lake/shard_positions.h"
#include "lake/table_definition.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kIdleCommitInterval{10'000};
constexpr std::chrono::milliseconds kPauseMax{5'000};
constexpr int kCheckpointCommits = 20;

}  // namespace

Status TableFollower::run() {
  if (const auto lost = lease_->lost()) return *lost;
  lease_->when_lost([this](const Status& status) {
    std::lock_guard lock(mutex_);
    if (!fenced_) fenced_ = status;
    stop_.request_stop();
  });
  Status status;
  {
    std::jthread jobs;
    if (hot_) {
      std::vector<JobTable> tables;
      tables.push_back({.plan = parts_.plan,
                        .lake_table = *parts_.lake_table,
                        .hot_table = *parts_.hot_table,
                        .live = hot_->live_path()});
      jobs = std::jthread([this, tables = std::move(tables), stop = stop_.get_token()] {
        ShardJobs(services_, config_, telemetry_, epoch_, parallelism_beside_live(), tables).run(stop);
      });
    }
    status = run_loop();
    stop_.request_stop();
  }
  hot_.reset();
  {
    std::lock_guard lock(mutex_);
    if (fenced_) status = *fenced_;
    if (!status.ok()) status_.stopped = status.to_string();
  }
  if (status.code() == StatusCode::kFenced) lease_->note_lost(status);
  lease_->let_go();
  return status;
}

// Looks at the source once per commit interval, as rarely as it commits itself. Whatever fails is tried again after a pause;
// what repetition cannot mend ends it.
Status TableFollower::run_loop() {
  const RetryPolicy retry{.first = std::chrono::milliseconds(100), .max = kPauseMax};
  int failures = 0;
  while (!stop_.stop_requested()) {
    // Asked first: when the source has ended, what it holds afterwards is all.
    const SourceEnd end = options_.source_end ? options_.source_end() : SourceEnd::kReached;
    const bool last_leg = end != SourceEnd::kGoesOn;
    const bool idle_over = telemetry_.clock.now() - committed_at_ >= kIdleCommitInterval;
    std::map<int32_t, Seq> source;
    Status status = look(&source);
    if (status.ok()) status = follow(source, last_leg || idle_over);
    if (status.code() == StatusCode::kShuttingDown) return ok_status();
    publish(source, status);
    if (status.code() == StatusCode::kFenced) return status;
    if (wants_reopening(status)) return ok_status();
    if (status.disposition() == Disposition::kStop) return status;
    if (!status.ok()) {
      telemetry_.log.warn("write failed",
                          {{"table", parts_.plan->table}, {"store", "lake"}, {"reason", status.to_string()}});
      pause(retry.delay(failures++, 0.0));
      continue;
    }
    failures = 0;
    if (last_leg && caught_up(source)) {
      if (end == SourceEnd::kStopped) {
        return options_.until_caught_up ? unavailable("table " + section_.from_table + " stopped before its goal")
                                        : ok_status();
      }
      std::lock_guard lock(mutex_);
      goal_reached_ = true;
      return ok_status();
    }
    pause(config_.lake.commit_interval);
  }
  return ok_status();
}

// The source goes on with other columns, and everything before is taken; or its rows cannot be read as what they were.
bool TableFollower::wants_reopening(const Status& status) {
  if (status.disposition() == Disposition::kStop && !source_plan_ends_) {
    const auto end = end_of_source_plan();
    if (end.ok()) source_plan_ends_ = *end;
    if (!source_plan_ends_) return false;
  } else if (!source_plan_ends_ || shards_.at(0).followed->position() < *source_plan_ends_) {
    return false;
  }
  std::lock_guard lock(mutex_);
  source_changed_ = true;
  return true;
}

// Where every shard of the source stands; new ones are taken in.
Status TableFollower::look(std::map<int32_t, Seq>* source) {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, source_->snapshot());
  if (seen_version_ != snapshot->version()) {
    WEIR_ASSIGN_OR_RETURN(const auto description, lake::engine_snapshot(*snapshot)->describe(/*with_files=*/false));
    seen_ = lake::shard_positions(description.txns, section_.from_table);
    seen_version_ = snapshot->version();
    if (seen_schema_.empty()) seen_schema_ = description.schema_json;
    WEIR_ASSIGN_OR_RETURN(const auto foreign, lake::foreign_columns(source_definition_, description));
    source_outgrew_plan_ = seen_schema_ != description.schema_json || !foreign.empty();
  }
  // A source gets its new columns before the plan that fills them is recorded, and that before the first row of it: a row
  // that is seen here is never one of a plan that cannot be known here. It is asked for until it is there, also when the
  // table has no new version: this may have looked, or even begun, between the two.
  if (source_outgrew_plan_ && !source_plan_ends_) {
    WEIR_ASSIGN_OR_RETURN(source_plan_ends_, end_of_source_plan());
  }
  for (const auto& [shard, position] : seen_) {
    if (!shards_.contains(shard)) WEIR_RETURN_IF_ERROR(add_shard(shard));
  }
  *source = seen_;
  return ok_status();
}

Status TableFollower::follow(const std::map<int32_t, Seq>& source, bool commit_empty) {
  for (auto& [number, shard] : shards_) {
    const auto at = source.find(number);
    if (at == source.end() || (source_plan_ends_ && number != 0)) continue;
    const Seq through = source_plan_ends_ ? std::min(at->second, *source_plan_ends_) : at->second;
    WEIR_RETURN_IF_ERROR(follow_shard(shard, through, commit_empty || source_plan_ends_.has_value()));
  }
  return checkpoint_when_due();
}

Status TableFollower::follow_shard(ShardParts& shard, Seq through, bool commit_empty) {
  if (!shard.resolved) WEIR_RETURN_IF_ERROR(shard.followed->resolve());
  shard.resolved = false;
  WEIR_RETURN_IF_ERROR(shard.followed->advance(through, commit_empty, stop_.get_token()));
  shard.resolved = true;
  return ok_status();
}

// A failed checkpoint is tried again after as many commits.
Status TableFollower::checkpoint_when_due() {
  if (commits_since_checkpoint_ < kCheckpointCommits) return ok_status();
  commits_since_checkpoint_ = 0;
  if (const Status made = parts_.lake_table->checkpoint(); !made.ok()) {
    telemetry_.log.warn("no checkpoint was made", {{"table", parts_.plan->table}, {"reason", made.to_string()}});
  }
  return ok_status();
}

void TableFollower::committed(const std::vector<pipeline::SlicePtr>& slices) {
  ++commits_since_checkpoint_;
  committed_at_ = telemetry_.clock.now();
  TableMetrics& metrics = *parts_.metrics;
  metrics.lake_commits.add();
  const int64_t now_us = telemetry_.clock.unix_us();
  for (const pipeline::SlicePtr& slice : slices) {
    metrics.events.add(slice->events);
    metrics.rows.add(slice->rows->num_rows());
    metrics.filtered.add(slice->filtered);
    metrics.dead_letters.add(static_cast<int64_t>(slice->rejects.size()));
    if (slice->first_time_us == 0) continue;
    const double age = static_cast<double>(now_us - slice->first_time_us) / 1e6;
    metrics.lake_freshness_seconds.observe(age);
    if (options_.visible) options_.visible(/*hot=*/false, age);
    parts_.newest_event_us.store(std::max(parts_.newest_event_us.load(), slice->last_time_us));
  }
  publish(seen_, ok_status());
}

void TableFollower::publish(const std::map<int32_t, Seq>& source, const Status& trouble) {
  const HotFollower::Standing hot = hot_ ? hot_->standing() : HotFollower::Standing{.mode = pipeline::HotMode::kNone};
  pipeline::RunningCounts totals;
  int64_t behind = 0;
  for (const auto& [number, shard] : shards_) {
    const pipeline::RunningCounts& counts = shard.followed->counts();
    totals.events += counts.events;
    totals.filtered += counts.filtered;
    totals.rejects += counts.rejects;
    const auto at = source.find(number);
    if (at != source.end()) behind += std::max<int64_t>(0, at->second - shard.followed->position());
  }
  const auto live = shards_.find(0);
  if (live != shards_.end()) {
    parts_.metrics->lake_position.set(static_cast<double>(live->second.followed->position().value));
    if (hot_) hot_->lake_at(live->second.followed->position());
  }
  std::lock_guard lock(mutex_);
  totals_ = totals;
  behind_ = behind;
  status_.table = parts_.plan->table;
  status_.lake_error = trouble.ok() ? "" : trouble.to_string();
  status_.hot_mode = hot.mode;
  status_.hot_error = hot.error;
  status_.hot_position = hot.position;
  if (live == shards_.end()) return;
  status_.lake_position = live->second.followed->position();
  status_.dead_letter_position = live->second.followed->dead_letter_position();
  status_.counts = live->second.followed->counts();
  if (const auto at = source.find(0); at != source.end()) source_position_ = at->second;
}

bool TableFollower::caught_up(const std::map<int32_t, Seq>& source) const {
  for (const auto& [number, position] : source) {
    const auto ours = shards_.find(number);
    if (ours == shards_.end() || ours->second.followed->position() < position) return false;
  }
  if (hot_ == nullptr || !options_.until_caught_up) return true;
  return hot_->standing().position >= shards_.at(0).followed->position();
}

void TableFollower::pause(std::chrono::milliseconds time) {
  (void)wait_until([] { return false; }, time, stop_.get_token());
}

pipeline::TableStatus TableFollower::status() const {
  std::lock_guard lock(mutex_);
  pipeline::TableStatus status = status_;
  return status;
}

Seq TableFollower::source_position() const {
  std::lock_guard lock(mutex_);
  return source_position_;
}

int64_t TableFollower::behind() const {
  std::lock_guard lock(mutex_);
  return behind_;
}

bool TableFollower::goal_reached() const {
  std::lock_guard lock(mutex_);
  return goal_reached_;
}

bool TableFollower::source_changed() const {
  std::lock_guard lock(mutex_);
  return source_changed_;
}

pipeline::RunningCounts TableFollower::totals() const {
  std::lock_guard lock(mutex_);
  return totals_;
}

}  // namespace weir::app
