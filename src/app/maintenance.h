#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/services.h"
#include "maintain/options.h"
#include "maintain/step_report.h"
#include "telemetry/pipeline_metrics.h"

namespace weir::app {

/// What a round of upkeep works with. Borrowed.
struct MaintenanceParts {
  const engine::Engine& engine;
  const Clock& clock;
  clickhouse::Client* clickhouse = nullptr;  ///< Null: its parts are not looked at.
};

/// The tables of the file, in its order, and then `_dead_letters`: all that can be maintained.
[[nodiscard]] std::vector<std::string> maintained_tables(const PipelineConfig& config);

/// The steps of `options` for each of `tables` (names as maintained_tables() gives them), one table after the other. A table
/// that does not exist yet is left out. `report` is called after each step. Ends early once `stop` is requested.
void maintain_lake(const MaintenanceParts& parts, const PipelineConfig& config, const std::vector<std::string>& tables,
                   const maintain::Options& options, const std::stop_token& stop,
                   const std::function<void(const maintain::StepReport&)>& report);

/// What the file asks of a round: target size and retention.
[[nodiscard]] maintain::Options maintenance_options(const PipelineConfig& config);

/// Upkeep inside `weir run`: a round every maintenance.interval, of the tables whose shards this process holds; vacuum and
/// log clean-up at most once an hour. Everything passed in must outlive it. run() is for one thread, which is the only one
/// that ever waits for it.
class MaintenanceSchedule {
 public:
  /// `tables`: those to maintain now; called at the begin of each round.
  MaintenanceSchedule(const Services& services, const PipelineConfig& config, Telemetry telemetry,
                      std::function<std::vector<std::string>()> tables);

  /// Blocks until `stop` is requested; ends between two commits, so within the time one of them takes.
  void run(const std::stop_token& stop);

 private:
  void round(const std::stop_token& stop);
  void observe(const maintain::StepReport& report);

  const Services& services_;
  const PipelineConfig& config_;
  Telemetry telemetry_;
  const std::function<std::vector<std::string>()> tables_;
  std::map<std::string, MaintenanceMetrics> metrics_;  // By table; fixed.
  std::optional<std::chrono::steady_clock::time_point> deleted_at_;  // When vacuum and log clean-up last had their turn.
};

}  // namespace weir::app
