// The live path of a shard as its backfills see it.
#include <chrono>
#include <utility>
#include <vector>

#include "app/shard.h"
#include "app/shard_jobs.h"

namespace weir::app {
namespace {

constexpr std::chrono::milliseconds kPatience{5'000};

Status not_yet(const pipeline::TableStatus& table) {
  return unavailable("ClickHouse is " + std::string(to_string(table.hot_mode)) +
                     (table.hot_error.empty() ? "" : ": " + table.hot_error));
}

}  // namespace

std::unique_ptr<ShardJobs> Shard::build_jobs() {
  std::vector<JobTable> tables;
  for (size_t i = 0; i < tables_.size(); ++i) {
    TableParts& parts = *tables_[i];
    if (parts.hot_table == nullptr) continue;
    tables.push_back(
        {.plan = parts.plan,
         .lake_table = *parts.lake_table,
         .hot_table = *parts.hot_table,
         .live = {.look_again = [this, i](const std::stop_token& stop) { return look_at_clickhouse(i, stop); },
                  .skip_ahead = [this, i](const std::stop_token& stop) { return skip_ahead(i, stop); }}});
  }
  if (tables.empty()) return nullptr;
  return std::make_unique<ShardJobs>(services_, config_, telemetry_, epoch_, parallelism_beside_live(), std::move(tables));
}

Status Shard::look_at_clickhouse(pipeline::TableIndex table, const std::stop_token& stop) {
  const TableParts& parts = *tables_[table];
  const int64_t before = parts.hot_resolves;
  runner_->recheck(table);
  if (wait_until([&] { return parts.hot_resolves > before; }, kPatience, stop)) return ok_status();
  return not_yet(runner_->status().tables[table]);
}

Status Shard::skip_ahead(pipeline::TableIndex table, const std::stop_token& stop) {
  const auto live = [&] { return runner_->status().tables[table].hot_mode == pipeline::HotMode::kLive; };
  const auto catching_up = [&] { return runner_->status().tables[table].hot_mode == pipeline::HotMode::kCatchingUp; };
  // Right after a resolve it is neither for a moment.
  if (!wait_until([&] { return live() || catching_up(); }, kPatience, stop)) {
    return not_yet(runner_->status().tables[table]);
  }
  if (!live()) runner_->skip_ahead(table);
  return wait_until(live, kPatience, stop) ? ok_status() : not_yet(runner_->status().tables[table]);
}

}  // namespace weir::app
