#include "app/hot_follower.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "app/shard_jobs.h"
#include "backfill/follow_shard.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};

}  // namespace

HotFollower::HotFollower(TableParts& parts, Seq lake, Telemetry telemetry, std::function<void(const Status&)> fenced)
    : parts_(parts), telemetry_(telemetry), fenced_(std::move(fenced)), lake_(lake) {
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

HotFollower::~HotFollower() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void HotFollower::lake_at(Seq position) {
  std::lock_guard lock(mutex_);
  lake_ = std::max(lake_, position);
  changed_.notify_all();
}

HotFollower::Standing HotFollower::standing() const {
  std::lock_guard lock(mutex_);
  Standing standing = standing_;
  if (standing.mode == pipeline::HotMode::kLive && standing.position < lake_) {
    standing.mode = pipeline::HotMode::kCatchingUp;
  }
  return standing;
}

backfill::LivePath HotFollower::live_path() {
  return {.look_again = [this](const std::stop_token& stop) { return look_again(stop); },
          .skip_ahead = [this](const std::stop_token& stop) { return skip_ahead(stop); }};
}

void HotFollower::work(const std::stop_token& stop) {
  int failures = 0;
  while (!stop.stop_requested()) {
    Status status = resolve();
    if (status.ok()) status = step(stop);
    if (status.ok()) {
      failures = 0;
      wait_for_work(stop);
      continue;
    }
    if (status.code() == StatusCode::kShuttingDown) return;
    {
      std::lock_guard lock(mutex_);
      unresolved_ = true;
    }
    note(pipeline::HotMode::kDetached, status.to_string());
    telemetry_.log.warn("write failed",
                        {{"table", parts_.plan->table}, {"store", "clickhouse"}, {"reason", status.to_string()}});
    if (status.code() == StatusCode::kFenced) return fenced_(status);
    pause(retry_.delay(failures++, 0.0), stop);
  }
}

Status HotFollower::resolve() {
  {
    std::lock_guard lock(mutex_);
    if (!unresolved_) return ok_status();
    unresolved_ = false;
    parts_.hot->lake_at(lake_);
  }
  WEIR_RETURN_IF_ERROR(parts_.hot->resolve().status());
  looked_at_ = telemetry_.clock.now();
  ++parts_.hot_resolves;
  parts_.metrics->hot_reconciliations.add();
  note(pipeline::HotMode::kLive, "");
  return ok_status();
}

// To where the lake is, or one step towards it.
Status HotFollower::step(const std::stop_token& stop) {
  // What it is given may hold no row, for ever: then nothing but this would notice that ClickHouse is gone.
  if (telemetry_.clock.now() - looked_at_ >= pipeline::kHotLookInterval) {
    WEIR_RETURN_IF_ERROR(parts_.hot->look());
    looked_at_ = telemetry_.clock.now();
  }
  const backfill::FollowOptions options;
  const Seq position = parts_.hot->position();
  Seq lake;
  bool skip = false;
  {
    std::lock_guard lock(mutex_);
    lake = lake_;
    std::swap(skip, skip_);
  }
  if (position < lake) {
    const Seq through = std::min(lake, position + options.hot_step_sequences);
    WEIR_RETURN_IF_ERROR(skip ? parts_.hot->skip_to(lake)
                              : backfill::follow_hot(*parts_.lake_table, 0, *parts_.hot, through, options, stop));
    parts_.metrics->hot_inserts.add();
  }
  note(pipeline::HotMode::kLive, "");
  return ok_status();
}

void HotFollower::note(pipeline::HotMode mode, const std::string& error) {
  const Seq position = parts_.hot->position();
  parts_.metrics->hot_position.set(static_cast<double>(position.value));
  std::lock_guard lock(mutex_);
  standing_ = {.mode = mode, .position = position, .error = error};
  changed_.notify_all();
}

void HotFollower::wait_for_work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, pipeline::kHotLookInterval, [this] { return lake_ > standing_.position || unresolved_; });
}

void HotFollower::pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, time, [] { return false; });
}

Status HotFollower::look_again(const std::stop_token& stop) {
  const int64_t before = parts_.hot_resolves;
  {
    std::lock_guard lock(mutex_);
    unresolved_ = true;
    changed_.notify_all();
  }
  if (wait_until([&] { return parts_.hot_resolves > before; }, kPatience, stop)) return ok_status();
  return unavailable("ClickHouse is not looked at yet: " + standing().error);
}

Status HotFollower::skip_ahead(const std::stop_token& stop) {
  {
    std::lock_guard lock(mutex_);
    skip_ = lake_ > standing_.position;
    changed_.notify_all();
  }
  if (wait_until([&] { return standing().mode == pipeline::HotMode::kLive; }, kPatience, stop)) return ok_status();
  return unavailable("ClickHouse does not follow yet: " + standing().error);
}

}  // namespace weir::app
