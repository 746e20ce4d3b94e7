#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "app/hot_job.h"
#include "audit/identity_set.h"
#include "audit/table_audit.h"
#include "backfill/job.h"
#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"

namespace weir::app {

/// Of one heal; more are joined with their neighbours, since a backfill inserts only rows that are absent.
inline constexpr size_t kHealRangesMax = 200;

/// The rows that `report` misses in ClickHouse, as a WHERE for a backfill; empty when it misses none. Doubled and
/// changed rows are never part of it: which copy is right is for a person to say.
[[nodiscard]] std::optional<std::string> heal_predicate(const audit::TableReport& report);

/// Rows as a WHERE for a backfill, with what lies between them where they are in too many places. Requires: not empty.
[[nodiscard]] std::string ranges_predicate(const audit::IdentitySet& rows);

/// Inserts them: a backfill of exactly these ranges, by the lease holder, or by this process while nobody runs. As
/// see_hot_job_through(). kAlreadyExists: another backfill of the table has not ended.
[[nodiscard]] Result<HotJobOutcome> heal_table(const engine::Engine& engine, const PipelineConfig& config,
                                               const TableSection& section, const std::string& predicate,
                                               Telemetry telemetry, const HotJobWatch& watch);

}  // namespace weir::app
