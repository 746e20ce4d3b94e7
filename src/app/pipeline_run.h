#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/services.h"
#include "app/shard.h"
#include "app/status_sampler.h"
#include "http/server.h"
#include "http/status_snapshot.h"

namespace weir::app {

struct RunOptions {
  bool until_caught_up = false;
  bool accept_gap = false;
  bool serve_http = true;
  /// True once the process is to end (a signal came). Polled.
  std::function<bool()> stopping;
  /// Called a few times a second with the state of things, on the thread of run(). May be empty.
  std::function<void(const StatusSnapshot&)> progress;
  /// See ShardOptions::visible. May be empty.
  std::function<void(bool hot, double seconds)> visible;
};

/// A running pipeline: services, one shard per stream, and the HTTP side. The composition root: built, run, and taken down
/// in the reverse order. `config` (with resolved plans) and `telemetry` must outlive it.
class PipelineRun {
 public:
  /// Starts nothing but the services. Call on the main thread (embedded servers die with it).
  [[nodiscard]] static Result<std::unique_ptr<PipelineRun>> open(const PipelineConfig& config, Telemetry telemetry,
                                                                 RunOptions options);
  ~PipelineRun();

  /// Blocks until every shard has finished: on a signal, when caught up, or because it stopped. The worst of their
  /// statuses: kFenced before everything else; kUnavailable when asked to stop before the goal was reached.
  [[nodiscard]] Status run();

  /// Thread-safe.
  [[nodiscard]] StatusSnapshot snapshot() const;

  [[nodiscard]] Services& services() { return *services_; }
  [[nodiscard]] uint16_t http_port() const { return http_ ? http_->port() : 0; }

 private:
  PipelineRun(const PipelineConfig& config, Telemetry telemetry, RunOptions options);

  /// One stream's shard: its thread opens and runs it, so that no stream waits for another's lease.
  struct Slot {
    std::string stream;
    std::vector<const TableSection*> tables;
    std::unique_ptr<Shard> shard;  ///< Written by its thread before `open` is set; read by others after.
    std::atomic<bool> open{false};
    Status result;                 ///< Read after the thread has ended.
  };

  Status start_http();
  void run_slot(Slot& slot, const std::stop_token& stop);
  void wait_for_shards(std::stop_source& stop, const std::atomic<size_t>& running);
  [[nodiscard]] std::vector<std::string> held_tables();
  [[nodiscard]] Status worst_result() const;
  void sample();

  const PipelineConfig& config_;
  Telemetry telemetry_;
  const RunOptions options_;
  std::unique_ptr<Services> services_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::atomic<bool> fenced_{false};         // A newer process has one of our shards: it is to have them all.
  std::mutex slots_mutex_;                  // A slot's shard neither comes nor goes while it is looked at.
  mutable std::mutex mutex_;
  StatusSnapshot snapshot_;                 // Guarded by mutex_.
  std::unique_ptr<StatusSampler> sampler_;  // run()'s thread only.
  std::atomic<PipelineState> state_{PipelineState::kStarting};
  std::unique_ptr<HttpServer> http_;        // Last: it asks everything above.
};

}  // namespace weir::app
