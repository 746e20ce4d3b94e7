#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "app/services.h"
#include "backfill/job_store.h"
#include "config/pipeline_config.h"

namespace weir::app {

/// `{"backfills": [..]}`, as /api/v1/backfills and `--list --json` show them (docs/http-api.md).
[[nodiscard]] std::string render_jobs_json(const std::vector<backfill::JobRecord>& jobs, int64_t now_us);

/// One line for people: "backfill 3 of flights: running, 1,200,000 of 3,000,000 rows, 310,000 rows/s, hand-over
/// 336,776".
[[nodiscard]] std::string job_line(const backfill::JobRecord& job, int64_t now_us);

/// Rows that are true in ClickHouse per second of work; 0 before any.
[[nodiscard]] double rows_per_second(const backfill::JobProgress& progress);

/// True while an executor reports progress.
[[nodiscard]] bool is_executed(const backfill::JobRecord& job, int64_t now_us);

/// The jobs of every table of a pipeline, read from the lake at most once a second. Thread-safe; what it is made from
/// must outlive it.
class JobReport {
 public:
  JobReport(const engine::Engine& engine, const PipelineConfig& config, const Clock& clock);
  [[nodiscard]] std::string json();

 private:
  const PipelineConfig& config_;
  const Clock& clock_;
  const backfill::JobStore jobs_;
  std::mutex mutex_;
  std::string json_;     // Guarded by mutex_.
  int64_t read_us_ = 0;  // Likewise.
};

}  // namespace weir::app
