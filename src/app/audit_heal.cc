#include "app/audit_heal.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "backfill/job_store.h"
#include "base/clock.h"

namespace weir::app {

namespace {

struct Missing {
  int32_t shard = 0;
  SeqRange range;
};

// Neighbours with at most `gap` sequences between them as one. What lies between is there already: a backfill looks.
std::vector<Missing> joined(const std::vector<Missing>& sorted, int64_t gap) {
  std::vector<Missing> result;
  for (const Missing& next : sorted) {
    if (!result.empty() && result.back().shard == next.shard && next.range.first - result.back().range.last <= gap) {
      result.back().range.last = std::max(result.back().range.last, next.range.last);
    } else {
      result.push_back(next);
    }
  }
  return result;
}

std::string predicate_of(std::vector<Missing> missing) {
  std::ranges::sort(missing, {}, [](const Missing& m) { return std::pair(m.shard, m.range.first); });
  for (int64_t gap = 1; missing.size() > kHealRangesMax; gap *= 2) {
    std::vector<Missing> fewer = joined(missing, gap);
    if (fewer.size() == missing.size() && gap > (int64_t{1} << 60)) break;  // As many shards.
    missing = std::move(fewer);
  }
  std::string where;
  for (const Missing& part : missing) {
    where += (where.empty() ? "" : " OR ");
    where += "(\"_shard\" = " + std::to_string(part.shard) + " AND \"_seq\" BETWEEN " + to_string(part.range.first) +
             " AND " + to_string(part.range.last) + ")";
  }
  return where;
}

}  // namespace

std::optional<std::string> heal_predicate(const audit::TableReport& report) {
  std::vector<Missing> missing;
  for (const audit::Finding& finding : report.log.findings()) {
    if (finding.kind != audit::FindingKind::kMissing || finding.store != audit::StoreName::kClickHouse) continue;
    missing.push_back({finding.shard, finding.range});
  }
  return missing.empty() ? std::nullopt : std::optional(predicate_of(std::move(missing)));
}

std::string ranges_predicate(const audit::IdentitySet& rows) {
  std::vector<Missing> ranges;
  for (const auto& [shard, of_shard] : rows.shards()) {
    for (const audit::IdentityRange& range : of_shard) ranges.push_back({shard, range.seqs});
  }
  return predicate_of(std::move(ranges));
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
