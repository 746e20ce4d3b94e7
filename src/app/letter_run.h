#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/hot_job.h"
#include "app/services.h"
#include "audit/letter_replay.h"
#include "audit/letter_store.h"
#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"

namespace weir::app {

struct LetterRunOptions {
  std::string table;
  audit::LetterSelection selection;
  bool dry_run = false;
};

struct LetterRunOutcome {
  audit::ReplayOutcome replay;
  std::string plan_id;                 ///< Of the plan that the letters went through.
  std::vector<std::string> followers;  ///< Tables that take their rows from this one, and do not get these.
};

/// Sends dead letters of one table through the plan in force, into the lake and ClickHouse, whether a process runs or
/// not; audit::replay_letters() says how and what fails. kInvalidArgument: the table takes its rows from another one,
/// or the file has a plan that is not in force yet. kAlreadyExists: also, a backfill of the table has not ended.
/// kUnavailable: also, nobody knows where ClickHouse stands. Call on the main thread.
[[nodiscard]] Result<LetterRunOutcome> run_replay(const engine::Engine& engine, const PipelineConfig& config,
                                                  const LetterRunOptions& options, Telemetry telemetry,
                                                  const HotJobWatch& watch);

/// Records that nobody has to look at them any more. As audit::drop_letters().
[[nodiscard]] Result<audit::LetterDecision> run_drop(const engine::Engine& engine, const PipelineConfig& config,
                                                     const LetterRunOptions& options, const std::string& reason);

/// By table of the file, where there are any: which dead letters were dropped.
[[nodiscard]] Result<std::map<std::string, audit::IdentitySet>> all_dropped(const engine::Engine& engine,
                                                                            const PipelineConfig& config);

/// Those of a table's dead letters that count no longer, as of a snapshot of its rows.
[[nodiscard]] Result<audit::IdentitySet> replayed_letters(const engine::Engine& engine, const PipelineConfig& config,
                                                          const std::string& table, const LakeSnapshot& rows);

}  // namespace weir::app
