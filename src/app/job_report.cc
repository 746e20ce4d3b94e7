#include "app/job_report.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "backfill/progress.h"

namespace weir::app {
namespace {

using Json = nlohmann::ordered_json;
using backfill::JobRecord;

constexpr int64_t kSignOfLifeUs = std::chrono::microseconds(std::chrono::seconds(10)).count();
constexpr int64_t kReadIntervalUs = std::chrono::microseconds(std::chrono::seconds(1)).count();

Json job_json(const JobRecord& job, int64_t now_us) {
  const backfill::JobProgress& progress = job.progress;
  Json partitions = Json::array();
  for (const auto& partition : job.spec.partitions) partitions.push_back(partition.column + "=" + partition.value);
  Json done = Json::array();
  for (const auto& [first, last] : progress.done.ranges()) done.push_back({first, last});
  Json upper = Json::object();
  if (progress.pin) {
    for (const auto& [shard, seq] : progress.pin->upper) upper[std::to_string(shard)] = seq.value;
  }
  const bool newest_first = job.spec.order == backfill::UnitOrder::kNewestFirst;
  return {
      {"table", job.spec.table},
      {"job", job.spec.number},
      {"state", to_string(job.state())},
      {"executed", is_executed(job, now_us)},
      {"executor", progress.holder},
      {"where", job.spec.where},
      {"partitions", std::move(partitions)},
      {"covers_table", job.spec.covers_table()},
      {"keep_from_us", job.spec.keep_from_us ? Json(*job.spec.keep_from_us) : Json(nullptr)},
      {"order", newest_first ? "newest_first" : "oldest_first"},
      {"parallelism", job.spec.parallelism},
      {"rows_per_second_max", job.control.rows_per_second},
      {"created_us", job.spec.created_us},
      {"started_us", progress.started_us},
      {"updated_us", progress.updated_us},
      {"worked_seconds", static_cast<double>(progress.worked_us) / 1e6},
      {"pinned_version", progress.pin ? Json(progress.pin->version) : Json(nullptr)},
      {"hand_over_seq", progress.pin ? Json(progress.pin->hand_over().value) : Json(nullptr)},
      {"upper", std::move(upper)},
      {"files", progress.files_total},
      {"units", {{"total", progress.units_total}, {"done", progress.done.count()}, {"done_ranges", std::move(done)}}},
      {"rows", progress.rows + progress.rows_in_work},
      {"rows_left_out", progress.rows_left_out},
      {"rows_total", progress.rows_total},
      {"bytes", progress.bytes},
      {"bytes_total", progress.bytes_total},
      {"rows_per_second", rows_per_second(progress)},
      {"last_error", progress.last_error}};
}

}  // namespace

double rows_per_second(const backfill::JobProgress& progress) {
  if (progress.worked_us <= 0) return 0;
  return static_cast<double>(progress.rows + progress.rows_in_work) * 1e6 / static_cast<double>(progress.worked_us);
}

bool is_executed(const JobRecord& job, int64_t now_us) {
  return job.progress.state == backfill::JobState::kRunning && now_us - job.progress.updated_us < kSignOfLifeUs;
}

std::string render_jobs_json(const std::vector<JobRecord>& jobs, int64_t now_us) {
  Json list = Json::array();
  for (const JobRecord& job : jobs) list.push_back(job_json(job, now_us));
  Json body;
  body["backfills"] = std::move(list);
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string job_line(const JobRecord& job, int64_t now_us) {
  const backfill::JobProgress& progress = job.progress;
  std::string line = "backfill " + std::to_string(job.spec.number) + " of " + job.spec.table + ": ";
  line += to_string(job.state());
  const bool stands_still = job.state() == backfill::JobState::kRunning && !is_executed(job, now_us);
  if (stands_still) line += ", but nobody executes it (`weir run`, or --resume, goes on)";
  line += ", " + backfill::with_separators(progress.rows + progress.rows_in_work);
  if (!has_ended(job.state()) && progress.rows_total > 0) {
    line += " of " + backfill::with_separators(progress.rows_total - progress.rows_left_out);
  }
  line += " rows, " + backfill::with_separators(static_cast<int64_t>(rows_per_second(progress))) + " rows/s";
  if (progress.pin) line += ", hand-over at sequence " + backfill::with_separators(progress.pin->hand_over().value);
  if (!progress.last_error.empty()) line += ": " + progress.last_error;
  return line;
}

JobReport::JobReport(const engine::Engine& engine, const PipelineConfig& config, const Clock& clock)
    : config_(config), clock_(clock), jobs_(lake_objects(engine, config)) {}

std::string JobReport::json() {
  std::lock_guard lock(mutex_);
  const int64_t now_us = clock_.unix_us();
  if (!json_.empty() && now_us - read_us_ < kReadIntervalUs) return json_;
  std::vector<JobRecord> all;
  for (const TableSection& table : config_.tables) {
    auto jobs = jobs_.list(table.plan.table);
    if (!jobs.ok()) return R"({"error":"the lake does not answer"})";
    all.insert(all.end(), std::make_move_iterator(jobs->begin()), std::make_move_iterator(jobs->end()));
  }
  json_ = render_jobs_json(all, now_us);
  read_us_ = now_us;
  return json_;
}

}  // namespace weir::app
