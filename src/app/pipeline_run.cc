#include "app/pipeline_run.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "app/version.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kSampleInterval{200};

// Worst first: what the exit code has to tell.
int severity(const Status& status) {
  if (status.ok()) return 0;
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
  run->sampler_ = std::make_unique<StatusSampler>(config, *run->services_, telemetry);
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
  auto server = HttpServer::start(
      options, {.status = [this] { return snapshot(); }, .metrics = [this] { return telemetry_.metrics.render(); }});
  if (!server.ok()) return server.status().with_context("http.listen");
  http_ = std::move(*server);
  telemetry_.log.info("status page", {{"url", "http://" + config_.http.host + ":" + std::to_string(http_->port()) + "/"}});
  return ok_status();
}

Status PipelineRun::open_shards(const std::stop_token& stop) {
  std::map<std::string, std::vector<const TableSection*>> by_stream;
  for (const TableSection& table : config_.tables) by_stream[table.stream].push_back(&table);
  for (const auto& [stream, tables] : by_stream) {
    WEIR_ASSIGN_OR_RETURN(auto shard, Shard::open(*services_, config_, tables,
                                                  {.until_caught_up = options_.until_caught_up,
                                                   .visible = options_.visible,
                                                   .accept_gap = options_.accept_gap},
                                                  telemetry_, stop));
    shards_.push_back(std::move(shard));
  }
  return ok_status();
}

Status PipelineRun::run() {
  std::stop_source stop;
  {
    // Waiting for a lease may take long; a signal ends it.
    std::jthread watcher([&](const std::stop_token& done) {
      while (!done.stop_requested() && !stop.stop_requested()) {
        if (options_.stopping && options_.stopping()) stop.request_stop();
        std::this_thread::sleep_for(kSampleInterval);
      }
    });
    const Status opened = open_shards(stop.get_token());
    watcher.request_stop();
    if (!opened.ok()) return opened;
  }
  state_ = PipelineState::kRunning;
  const Status status = wait_for_shards();
  state_ = PipelineState::kStopped;
  sample();
  return status;
}

Status PipelineRun::wait_for_shards() {
  std::vector<Status> results(shards_.size());
  std::atomic<size_t> running{shards_.size()};
  std::vector<std::jthread> threads;
  for (size_t i = 0; i < shards_.size(); ++i) {
    threads.emplace_back([&, i] {
      results[i] = shards_[i]->run();
      if (!results[i].ok()) {
        telemetry_.log.error("shard stopped", {{"stream", shards_[i]->stream()}, {"reason", results[i].to_string()}});
      }
      --running;
    });
  }
  bool draining = false;
  while (running > 0) {
    std::this_thread::sleep_for(kSampleInterval);
    sample();
    if (!draining && options_.stopping && options_.stopping()) {
      draining = true;
      state_ = PipelineState::kStopping;
      telemetry_.log.info("stopping: committing what was read");
      for (const auto& shard : shards_) shard->drain(config_.pipeline.shutdown_timeout);
    }
  }
  threads.clear();
  const Status worst = *std::max_element(results.begin(), results.end(), [](const Status& a, const Status& b) {
    return severity(a) < severity(b);
  });
  const bool reached = std::all_of(shards_.begin(), shards_.end(), [](const auto& shard) { return shard->goal_reached(); });
  if (worst.ok() && options_.until_caught_up && !reached) return unavailable("stopped before both stores had caught up");
  return worst;
}

void PipelineRun::sample() {
  StatusSnapshot taken = sampler_->take(shards_, state_);
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
