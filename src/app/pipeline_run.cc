#include "app/pipeline_run.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "app/maintenance.h"
#include "app/version.h"
#include "lake/lake_layout.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kSampleInterval{200};

// Worst first: what the exit code has to tell.
int severity(const Status& status) {
  if (status.ok() || status.code() == StatusCode::kShuttingDown) return 0;  // Asked to end while it waited: as asked.
  return status.code() == StatusCode::kFenced ? 2 : 1;
}

}  // namespace

PipelineRun::PipelineRun(const PipelineConfig& config, Telemetry telemetry, RunOptions options)
    : config_(config), telemetry_(telemetry), options_(std::move(options)) {}

PipelineRun::~PipelineRun() = default;

Result<std::unique_ptr<PipelineRun>> PipelineRun::open(const PipelineConfig& config, Telemetry telemetry,
                                                       RunOptions options) {
  std::unique_ptr<PipelineRun> run(new PipelineRun(config, telemetry, std::move(options)));
  WEIR_ASSIGN_OR_RETURN(run->services_, open_services(config, telemetry));
  run->job_report_ = std::make_unique<JobReport>(*run->services_->engine, config, telemetry.clock);
  run->sampler_ = std::make_unique<StatusSampler>(config, *run->services_, telemetry);
  WEIR_ASSIGN_OR_RETURN(run->trino_views_,
                        TrinoViews::open(config, telemetry, [run = run.get()] { return run->trino_tables(); }));
  run->snapshot_.pipeline = config.pipeline.name;
  run->snapshot_.version = kVersion;
  run->snapshot_.not_ready = {"starting"};
  if (run->options_.serve_http) WEIR_RETURN_IF_ERROR(run->start_http());
  return run;
}

Status PipelineRun::start_http() {
  HttpOptions options;
  options.host = config_.http.host;
  options.port = config_.http.port;
  if (config_.http.token) {
    WEIR_ASSIGN_OR_RETURN(options.token, config_.http.token->read());
  }
  auto server = HttpServer::start(options, {.status = [this] { return snapshot(); },
                                            .metrics = [this] { return telemetry_.metrics.render(); },
                                            .backfills = [this] { return job_report_->json(); }});
  if (!server.ok()) return server.status().with_context("http.listen");
  http_ = std::move(*server);
  telemetry_.log.info("status page",
                      {{"url", "http://" + config_.http.host + ":" + std::to_string(http_->port()) + "/"}});
  return ok_status();
}

Status PipelineRun::run() {
  std::map<std::string, std::vector<TableSection>> by_stream;
  for (const TableSection& table : config_.tables) {
    if (table.from_table.empty()) by_stream[table.stream].push_back(table);
  }
  state_ = PipelineState::kRunning;
  std::stop_source stop;
  for (auto& [stream, tables] : by_stream) {
    add_slot(stream, std::make_shared<const std::vector<TableSection>>(std::move(tables)), stop.get_token());
  }
  followers_ = std::make_unique<Followers>(
      *services_, config_, telemetry_,
      FollowersOptions{.until_caught_up = options_.until_caught_up,
                       .stream_end = [this](const std::string& table) { return end_of_stream_table(table); },
                       .visible = options_.visible});
  followers_->start(stop.get_token());
  {
    MaintenanceSchedule maintenance(*services_, config_, telemetry_, [this] { return held_tables(); });
    const std::jthread upkeep([&maintenance, token = stop.get_token()] { maintenance.run(token); });
    std::jthread views;
    if (trino_views_) views = std::jthread([this, token = stop.get_token()] { trino_views_->run(token); });
    wait_for_shards(stop);
    stop.request_stop();
  }
  for (const auto& slot : slots_) slot->thread.join();
  if (trino_views_) trino_views_->publish_last();
  state_ = PipelineState::kStopped;
  sample();
  return worst_result();
}

// Tables whose shards are ours, and the dead letters once one of them is.
std::vector<std::string> PipelineRun::held_tables() {
  std::lock_guard lock(slots_mutex_);
  std::vector<std::string> held;
  for (const auto& slot : slots_) {
    if (!slot->open) continue;
    for (const TableSection& table : *slot->tables) held.push_back(table.plan.table);
  }
  if (!held.empty()) held.emplace_back(lake::kDeadLetterTable);
  return held;
}

// What is ours, as Trino's readers are to see it. None once a newer process has any of it: that one publishes.
std::vector<trino::TableInput> PipelineRun::trino_tables() {
  std::vector<trino::TableInput> inputs;
  std::lock_guard lock(slots_mutex_);
  if (fenced_ || followers_->fenced()) return inputs;
  for (const auto& slot : slots_) {
    if (!slot->open) continue;
    std::vector<Result<LakeSide>> lake;
    for (const auto& parts : slot->shard->tables()) lake.push_back(lake_side(*parts));
    const pipeline::ShardStatus status = slot->shard->status();
    for (size_t i = 0; i < status.tables.size(); ++i) {
      if (!lake[i].ok()) continue;  // Nothing that is published could be proven.
      auto input = trino_input(config_, *services_, *slot->shard->tables()[i], *lake[i], status.tables[i],
                               &trino_memory_[status.tables[i].table]);
      if (input.ok()) inputs.push_back(std::move(*input));
    }
  }
  followers_->for_each([&](const TableFollower& follower) {
    const auto lake = lake_side(follower.parts());
    if (!lake.ok()) return;
    auto input = trino_input(config_, *services_, follower.parts(), *lake, follower.status(),
                             &trino_memory_[follower.parts().plan->table]);
    if (input.ok()) inputs.push_back(std::move(*input));
  });
  return inputs;
}

void PipelineRun::wait_for_shards(std::stop_source& stop) {
  const auto ended = [](const std::unique_ptr<Slot>& slot) { return slot->ended.load(); };
  while (true) {
    restart_changed_slots(stop.get_token());
    followers_->restart_changed(stop.get_token());
    if (std::all_of(slots_.begin(), slots_.end(), ended) && followers_->ended()) return;
    std::this_thread::sleep_for(kSampleInterval);
    sample();
    if (!fenced_ && !followers_->fenced() && !(options_.stopping && options_.stopping())) {
      if (!options_.reload) continue;
      if (auto file = options_.reload()) reload(std::move(*file), stop.get_token());
      continue;
    }
    if (stop.request_stop()) {
      state_ = PipelineState::kStopping;
      telemetry_.log.info("stopping: committing what was read");
    }
    std::lock_guard lock(slots_mutex_);
    for (const auto& slot : slots_) {
      if (slot->open) slot->shard->drain(config_.pipeline.shutdown_timeout);
    }
    followers_->drain();
  }
}

// Looked at by the tables that follow it: they end when it has.
SourceEnd PipelineRun::end_of_stream_table(const std::string& table) {
  std::lock_guard lock(slots_mutex_);
  for (const auto& slot : slots_) {
    const bool has_it =
        std::ranges::any_of(*slot->tables, [&](const TableSection& section) { return section.plan.table == table; });
    if (!has_it) continue;
    if (!slot->ended) return SourceEnd::kGoesOn;
    return slot->open && slot->shard->goal_reached() ? SourceEnd::kReached : SourceEnd::kStopped;
  }
  return SourceEnd::kStopped;
}

Status PipelineRun::worst_result() const {
  Status worst;
  bool reached = followers_->goals_reached();
  for (const Status& result : followers_->results()) {
    if (severity(result) > severity(worst)) worst = result;
  }
  for (const auto& slot : slots_) {
    if (severity(slot->result) > severity(worst)) worst = slot->result;
    reached = reached && slot->open && slot->shard->goal_reached();
  }
  if (worst.ok() && options_.until_caught_up && !reached)
    return unavailable("stopped before both stores had caught up");
  return worst;
}

void PipelineRun::sample() {
  StatusSnapshot taken;
  {
    std::lock_guard lock(slots_mutex_);
    std::vector<Shard*> shards;
    std::vector<std::string> waiting;
    for (const auto& slot : slots_) {
      if (slot->open) {
        shards.push_back(slot->shard.get());
      } else {
        waiting.push_back("stream " + slot->stream + " is not open yet, or failed to: see the log");
      }
    }
    taken = sampler_->take(shards, *followers_, state_);
    for (const std::string& table : followers_->waiting()) {
      waiting.push_back("table " + table + " is not open yet, or failed to: see the log");
    }
    taken.not_ready.insert(taken.not_ready.end(), waiting.begin(), waiting.end());
    if (trino_views_) taken.trino = trino_views_->status();
  }
  {
    std::lock_guard lock(mutex_);
    snapshot_ = taken;
  }
  if (options_.progress) options_.progress(taken);
}

StatusSnapshot PipelineRun::snapshot() const {
  std::lock_guard lock(mutex_);
  return snapshot_;
}

}  // namespace weir::app
