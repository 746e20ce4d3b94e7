#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "app/followers.h"
#include "app/job_report.h"
#include "app/services.h"
#include "app/shard.h"
#include "app/status_sampler.h"
#include "app/trino_views.h"
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
  /// A changed and valid pipeline file, with resolved plans, when the process was told to read it again. Polled on the
  /// thread of run(). Of it only tables are taken. May be empty.
  std::function<std::optional<PipelineConfig>()> reload;
  /// See ShardOptions::visible. May be empty.
  std::function<void(bool hot, double seconds)> visible;
};

/// A running pipeline: services, one shard per stream, and the HTTP side. The composition root: built, run, and taken
/// down in the reverse order. `config` (with resolved plans) and `telemetry` must outlive it; its tables are those of
/// the start.
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

  using Tables = std::shared_ptr<const std::vector<TableSection>>;

  /// One stream's shard: its thread opens and runs it, so that no stream waits for another's lease, and opens it again
  /// when plans of its tables change. Nothing but this shard stops meanwhile.
  struct Slot {
    std::string stream;
    Tables tables;                 ///< What the shard runs. Changed by its thread under slots_mutex_.
    Tables next;                   ///< What a changed file asks for, until taken. Guarded by slots_mutex_.
    std::unique_ptr<Shard> shard;  ///< Changed by its thread under slots_mutex_; read by others under it while `open`.
    std::atomic<bool> open{false};
    std::atomic<bool> ended{false};
    Status result;  ///< Read after the thread has ended.
    std::jthread thread;
  };

  Status start_http();
  void add_slot(const std::string& stream, Tables tables, const std::stop_token& stop);
  void start_slot(Slot& slot, const std::stop_token& stop);
  void run_slot(Slot& slot, const std::stop_token& stop);
  [[nodiscard]] std::vector<std::string> held_tables();
  [[nodiscard]] std::vector<trino::TableInput> trino_tables();
  Status open_slot(Slot& slot, const ShardOptions& options, const std::stop_token& stop);
  void close_slot(Slot& slot);
  bool take_next(Slot& slot);
  void restart_changed_slots(const std::stop_token& stop);
  void reload(PipelineConfig file, const std::stop_token& stop);
  void change_tables(Slot& slot, Tables tables);
  Tables tables_of(const Slot& slot);
  void wait_for_shards(std::stop_source& stop);
  [[nodiscard]] SourceEnd end_of_stream_table(const std::string& table);
  [[nodiscard]] Status worst_result() const;
  void sample();

  const PipelineConfig& config_;
  Telemetry telemetry_;
  const RunOptions options_;
  std::unique_ptr<Services> services_;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::unique_ptr<Followers> followers_;  // Of the tables with from_table.
  std::atomic<bool> fenced_{false};       // A newer process has one of our shards: it is to have them all.
  std::mutex slots_mutex_;                // A slot's shard neither comes nor goes while it is looked at.
  mutable std::mutex mutex_;
  StatusSnapshot snapshot_;                 // Guarded by mutex_.
  std::unique_ptr<StatusSampler> sampler_;  // run()'s thread only.
  std::unique_ptr<JobReport> job_report_;
  std::unique_ptr<TrinoViews> trino_views_;          // Null without [trino].
  std::map<std::string, TableMemory> trino_memory_;  // By table. The thread of trino_views_ only.
  std::atomic<PipelineState> state_{PipelineState::kStarting};
  std::unique_ptr<HttpServer> http_;  // Last: it asks everything above.
};

}  // namespace weir::app
