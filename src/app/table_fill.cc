#include "app/table_fill.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <utility>

#include "app/held_lease.h"
#include "app/job_shard.h"
#include "app/shard_jobs.h"
#include "app/table_follower.h"
#include "lake/shard_positions.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kPollInterval{100};

const TableSection& find_table(const PipelineConfig& config, const std::string& table) {
  return *std::ranges::find_if(config.tables, [&](const TableSection& section) { return section.plan.table == table; });
}

// Running counts over all shards of a table.
Result<pipeline::RunningCounts> total_counts(const LakeSnapshot& snapshot, const std::string& table,
                                             const std::map<int32_t, Seq>& shards) {
  pipeline::RunningCounts total;
  for (const auto& [shard, position] : shards) {
    WEIR_ASSIGN_OR_RETURN(const auto counts, pipeline::running_counts(snapshot, table, shard));
    total.events += counts.events;
    total.filtered += counts.filtered;
    total.rejects += counts.rejects;
  }
  return total;
}

struct Standing {
  std::map<int32_t, Seq> positions;
  pipeline::RunningCounts counts;
};

Result<Standing> standing_of(lake::DeltaLakeTable& table, const std::string& name) {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table.snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto description, lake::engine_snapshot(*snapshot)->describe(/*with_files=*/false));
  Standing standing{.positions = lake::shard_positions(description.txns, name), .counts = {}};
  WEIR_ASSIGN_OR_RETURN(standing.counts, total_counts(*snapshot, name, standing.positions));
  return standing;
}

}  // namespace

Result<TableFillPlan> plan_table_fill(const engine::Engine& engine, const PipelineConfig& config,
                                      const TableSection& section) {
  WEIR_ASSIGN_OR_RETURN(const auto source, open_rows(engine, config, find_table(config, section.from_table)));
  WEIR_ASSIGN_OR_RETURN(Standing of_source, standing_of(*source, section.from_table));
  TableFillPlan plan{.source = std::move(of_source.positions), .target = {}, .source_rows = of_source.counts.rows(), .counts = {}};
  const auto target = open_rows(engine, config, section);
  if (target.status().code() == StatusCode::kNotFound) return plan;
  WEIR_RETURN_IF_ERROR(target.status());
  WEIR_ASSIGN_OR_RETURN(Standing of_target, standing_of(**target, section.plan.table));
  plan.target = std::move(of_target.positions);
  plan.counts = of_target.counts;
  return plan;
}

Result<TableFillReport> fill_from_table(const PipelineConfig& config, const TableSection& section, Telemetry telemetry,
                                        const TableFillOptions& options) {
  PipelineConfig lake_only = config;
  lake_only.clickhouse.reset();  // It begins where the table goes live; its history comes from the lake.
  WEIR_ASSIGN_OR_RETURN(const auto services, open_services(lake_only, telemetry));
  WEIR_ASSIGN_OR_RETURN(const TableFillPlan plan, plan_table_fill(*services->engine, lake_only, section));
  const std::string& table = section.plan.table;
  WEIR_ASSIGN_OR_RETURN(const auto lease, HeldLease::open(*services, telemetry, table_lease(lake_only, table)));
  WEIR_ASSIGN_OR_RETURN(const auto holder, lease->living_holder({}));
  if (holder) {
    return conflict("table " + table + " is followed or filled by a running process, which brings it everything that " +
                    section.from_table + " has");
  }
  std::stop_source stop;
  std::atomic<TableFollower*> running{nullptr};
  std::jthread watcher([&](const std::stop_token& done) {
    do {
      TableFollower* follower = running.load();
      if (options.stopping && options.stopping()) {
        stop.request_stop();
        if (follower != nullptr) follower->drain();
      }
      if (follower != nullptr && options.progress) {
        options.progress({.rows_done = follower->totals().events, .rows_total = plan.source_rows});
      }
    } while (!wait_until([] { return false; }, kPollInterval, done) && !done.stop_requested());
  });
  WEIR_ASSIGN_OR_RETURN(const auto follower,
                        TableFollower::open(*services, lake_only, section, find_table(config, section.from_table),
                                            {.until_caught_up = true}, telemetry, stop.get_token()));
  running = follower.get();
  const Status status = follower->run();
  watcher.request_stop();
  watcher.join();
  if (status.code() == StatusCode::kFenced) {
    return fenced("a running process took table " + table + " over and goes on where this left off: " + status.message());
  }
  WEIR_RETURN_IF_ERROR(status);
  const TableFillReport report{.position = follower->status().lake_position, .counts = follower->totals()};
  if (follower->goal_reached()) return report;
  if (follower->source_changed()) {
    return unavailable("table " + section.from_table + " got other columns behind sequence " + to_string(report.position) +
                       "; run the same command again, it goes on there with them");
  }
  return unavailable("stopped at sequence " + to_string(report.position) +
                     "; the same command goes on from there, and so does `weir run`");
}

}  // namespace weir::app
