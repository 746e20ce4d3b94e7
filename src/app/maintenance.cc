#include "app/maintenance.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "lake/lake_layout.h"
#include "maintain/part_watch.h"
#include "maintain/table_maintenance.h"

namespace weir::app {
namespace {

using maintain::Outcome;
using maintain::Step;
using maintain::StepReport;

// Beside live ingest a rewrite must not hold up the end of the process for long: nothing interrupts it.
constexpr int64_t kPartitionBytesMaxInRun = int64_t{1} << 30;

// Both walk the whole table or its log, and what they delete is days old.
constexpr std::chrono::hours kDeletionInterval{1};

const TableSection* section_of(const PipelineConfig& config, const std::string& table) {
  const auto found =
      std::ranges::find(config.tables, table, [](const TableSection& section) { return section.plan.table; });
  return found == config.tables.end() ? nullptr : &*found;
}

}  // namespace

std::vector<std::string> maintained_tables(const PipelineConfig& config) {
  std::vector<std::string> tables;
  for (const TableSection& section : config.tables) tables.push_back(section.plan.table);
  tables.emplace_back(lake::kDeadLetterTable);
  return tables;
}

maintain::Options maintenance_options(const PipelineConfig& config) {
  maintain::Options options;
  options.compaction.target_file_bytes = config.lake.target_file_bytes;
  options.retention = config.maintenance.retention;
  return options;
}

void maintain_lake(const MaintenanceParts& parts, const PipelineConfig& config, const std::vector<std::string>& tables,
                   const maintain::Options& options, const std::stop_token& stop,
                   const std::function<void(const StepReport&)>& report) {
  for (const std::string& table : tables) {
    if (stop.stop_requested()) return;
    const TableSection* section = section_of(config, table);
    auto opened = maintain::TableMaintenance::open(parts.engine, parts.clock, lake_options(config), table,
                                                   section == nullptr ? std::vector<std::string>() : section->plan.order_by);
    if (opened.ok()) {
      for (const StepReport& done : (*opened)->run(options, stop)) report(done);
    } else if (opened.status().code() != StatusCode::kNotFound) {
      report({.table = table, .step = Step::kCompact, .outcome = Outcome::kFailed, .note = opened.status().to_string()});
    }
    if (parts.clickhouse == nullptr || section == nullptr || !options.steps.contains(Step::kParts)) continue;
    report(maintain::watch_parts(*parts.clickhouse, table));
  }
}

MaintenanceSchedule::MaintenanceSchedule(const Services& services, const PipelineConfig& config, Telemetry telemetry,
                                         std::function<std::vector<std::string>()> tables)
    : services_(services), config_(config), telemetry_(telemetry), tables_(std::move(tables)) {
  std::vector<std::string> steps;
  for (const Step step : maintain::all_steps()) {
    if (step != Step::kParts) steps.emplace_back(to_string(step));
  }
  for (const std::string& table : maintained_tables(config)) {
    metrics_.emplace(table, MaintenanceMetrics(telemetry.metrics, table, steps));
  }
}

void MaintenanceSchedule::run(const std::stop_token& stop) {
  if (config_.maintenance.interval == milliseconds(0)) return;
  std::mutex mutex;
  std::condition_variable_any never;
  while (!stop.stop_requested()) {
    {
      std::unique_lock lock(mutex);
      never.wait_for(lock, stop, config_.maintenance.interval, [] { return false; });
    }
    if (!stop.stop_requested()) round(stop);
  }
}

void MaintenanceSchedule::round(const std::stop_token& stop) {
  maintain::Options options = maintenance_options(config_);
  options.compaction.partition_bytes_max = kPartitionBytesMaxInRun;
  const auto started = telemetry_.clock.now();
  if (deleted_at_ && started - *deleted_at_ < kDeletionInterval) {
    options.steps.erase(Step::kVacuum);
    options.steps.erase(Step::kCleanLog);
  } else {
    deleted_at_ = started;
  }
  maintain_lake({.engine = *services_.engine, .clock = telemetry_.clock, .clickhouse = services_.clickhouse.get()}, config_,
                tables_(), options, stop, [this](const StepReport& report) { observe(report); });
  metrics_.begin()->second.round_seconds.observe(
      std::chrono::duration<double>(telemetry_.clock.now() - started).count());
}

void MaintenanceSchedule::observe(const StepReport& report) {
  const std::string step(to_string(report.step));
  const MaintenanceMetrics& metrics = metrics_.at(report.table);
  if (report.step != Step::kParts) {
    metrics.steps.at(step).removed_files.add(report.files);
    metrics.steps.at(step).failures.add(report.outcome == Outcome::kFailed ? 1 : 0);
  } else if (report.outcome != Outcome::kSkipped) {
    metrics.active_parts.set(static_cast<double>(report.files));
  }
  switch (report.outcome) {
    case Outcome::kNothing:
    case Outcome::kWould: return;
    case Outcome::kDone:
      telemetry_.log.info("maintained", {{"table", report.table},
                                         {"step", step},
                                         {"files", report.files},
                                         {"files_added", report.files_added},
                                         {"bytes", report.bytes},
                                         {"versions", report.versions},
                                         {"note", report.note}});
      return;
    case Outcome::kSkipped:
      telemetry_.log.info("maintenance skipped", {{"table", report.table}, {"step", step}, {"reason", report.note}});
      return;
    case Outcome::kWarning:
      telemetry_.log.warn("maintenance found", {{"table", report.table}, {"step", step}, {"reason", report.note}});
      return;
    case Outcome::kFailed:
      telemetry_.log.warn("maintenance failed", {{"table", report.table}, {"step", step}, {"reason", report.note}});
      return;
  }
}

}  // namespace weir::app
