#include "app/audit_heal.h"

#include <utility>

#include "backfill/job_store.h"
#include "base/clock.h"

namespace weir::app {

std::optional<std::string> heal_predicate(const audit::TableReport& report) {
  std::string where;
  size_t ranges = 0;
  for (const audit::Finding& finding : report.log.findings()) {
    if (finding.kind != audit::FindingKind::kMissing || finding.store != audit::StoreName::kClickHouse) continue;
    if (++ranges > kHealRangesMax) break;
    where += (where.empty() ? "" : " OR ");
    where += "(\"_shard\" = " + std::to_string(finding.shard) + " AND \"_seq\" BETWEEN " +
             to_string(finding.range.first) + " AND " + to_string(finding.range.last) + ")";
  }
  return where.empty() ? std::nullopt : std::optional(where);
}

Result<HotJobOutcome> heal_table(const engine::Engine& engine, const PipelineConfig& config,
                                 const TableSection& section, const std::string& predicate, Telemetry telemetry,
                                 const HotJobWatch& watch) {
  backfill::JobSpec spec;
  spec.table = section.plan.table;
  spec.where = predicate;
  spec = completed(std::move(spec), section, system_clock().unix_us());
  WEIR_RETURN_IF_ERROR(preview_hot_job(engine, config, section, spec, /*count_rows=*/false).status());
  const backfill::JobStore jobs(lake_objects(engine, config));
  WEIR_ASSIGN_OR_RETURN(auto job, jobs.create(std::move(spec), {}, config.file));
  return see_hot_job_through(engine, config, section, std::move(job), telemetry, watch);
}

}  // namespace weir::app
