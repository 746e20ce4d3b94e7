#include "app/letter_run.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "app/audit_heal.h"
#include "app/command_table.h"
#include "app/live_transform.h"
#include "app/next_plan.h"
#include "app/store_access.h"
#include "backfill/job_store.h"
#include "base/clock.h"
#include "lake/delta_lake_table.h"
#include "lake/table_definition.h"
#include "pipeline/hot_position.h"
#include "schema/plan_evolution.h"

namespace weir::app {
namespace {

audit::LetterAccess lake_of(const PipelineConfig& config, const std::string& table) {
  return {.table = table, .lake_url = config.lake.url, .lake_sync = config.lake.sync};
}

/// The transform of live events, with what it needs to run.
class OwnedTransform final : public RowTransform {
 public:
  explicit OwnedTransform(LiveTransform made) : made_(std::move(made)) {}
  Result<std::shared_ptr<const Slice>> apply(const MessageBatch& batch, SeqRange range) override {
    return made_.table->apply(batch, range);
  }

 private:
  LiveTransform made_;
};

// Up to where ClickHouse has everything: above it, rows come there from whoever runs, out of memory, and those of a
// replay are not among them.
Result<Seq> hot_position_of(const PipelineConfig& config, const std::string& table) {
  WEIR_ASSIGN_OR_RETURN(const auto access, open_store_access(config));
  WEIR_RETURN_IF_ERROR(access->clickhouse->ping().status().with_context("ClickHouse"));
  const auto entry = access->key_value->get(pipeline::hot_position_key(table, 0));
  if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status().with_context("NATS KV");
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(const auto position, pipeline::hot_position_from_json(entry->value));
    if (!position.provisional) return position.hot_position;
  }
  return unavailable(
      "nobody knows where ClickHouse stands: start weir run, and repeat the command once it has caught up");
}

// The rows of a record that was begun may have been chosen by a process that knew a higher position.
Status check_hot_is_past(const PipelineConfig& config, const std::string& table, const audit::IdentitySet& rows) {
  WEIR_ASSIGN_OR_RETURN(const Seq position, hot_position_of(config, table));
  for (const auto& [shard, ranges] : rows.shards()) {
    for (const audit::IdentityRange& range : ranges) {
      if (range.seqs.last <= position) continue;
      return unavailable(
          "it stands at " + to_string(position) + ", below the replayed _seq " + to_string(range.seqs.last) +
          ". Start weir run, and repeat the command once it has caught up: the rows are in the lake already");
    }
  }
  return ok_status();
}

// What a killed call left behind ends first.
Status see_last_job_through(const engine::Engine& engine, const PipelineConfig& config, const TableSection& section,
                            Telemetry telemetry, const HotJobWatch& watch) {
  WEIR_ASSIGN_OR_RETURN(auto job, backfill::JobStore(lake_objects(engine, config)).last(section.plan.table));
  if (!job || has_ended(job->state())) return ok_status();
  return see_hot_job_through(engine, config, section, std::move(*job), telemetry, watch).status();
}

Status into_hot(const engine::Engine& engine, const PipelineConfig& config, const TableSection& section,
                const audit::IdentitySet& rows, Telemetry telemetry, const HotJobWatch& watch) {
  WEIR_RETURN_IF_ERROR(check_hot_is_past(config, section.plan.table, rows));
  WEIR_RETURN_IF_ERROR(see_last_job_through(engine, config, section, telemetry, watch));
  WEIR_ASSIGN_OR_RETURN(const HotJobOutcome outcome,
                        heal_table(engine, config, section, ranges_predicate(rows), telemetry, watch));
  if (outcome.job.state() == backfill::JobState::kDone) return ok_status();
  const std::string& why = outcome.job.progress.last_error;
  return unavailable("backfill " + std::to_string(outcome.job.spec.number) + " is " +
                     std::string(to_string(outcome.job.state())) + (why.empty() ? "" : ": " + why) +
                     "; repeat the command, which goes on");
}

}  // namespace

Result<LetterRunOutcome> run_replay(const engine::Engine& engine, const PipelineConfig& config,
                                    const LetterRunOptions& options, Telemetry telemetry, const HotJobWatch& watch) {
  WEIR_ASSIGN_OR_RETURN(const TableSection* section, section_of(config, options.table));
  if (!section->from_table.empty()) {
    return invalid_argument("table " + options.table + " takes its rows from " + section->from_table +
                            ": its dead letters are rows there. Rebuild it: weir backfill " + config.file +
                            " --table " + section->from_table + " --to lake --into " + options.table);
  }
  WEIR_ASSIGN_OR_RETURN(const NextPlan next, next_plan(engine, config, *section));
  LetterRunOutcome outcome;
  for (const TableSection& other : config.tables) {
    if (other.from_table == options.table) outcome.followers.push_back(other.plan.table);
  }
  if (next.current == nullptr) return outcome;  // No event was ever looked at.
  outcome.plan_id = next.current->id();
  if (next.plan->id() != outcome.plan_id) {
    return invalid_argument(config.file + " has another plan (columns or SQL) for " + options.table +
                            " than the one in force: start weir run, which brings it, and repeat the command");
  }
  const lake::TableOwner owner{
      .pipeline = config.pipeline.name, .stream = section->source(), .shards = section->shards};
  audit::ReplayRequest request;
  request.lake = lake_of(config, options.table);
  request.plan = next.current;
  request.rows = [&](const Plan& plan) -> Result<std::unique_ptr<LakeTable>> {
    lake::TableDefinition definition = lake::rows_definition(plan, owner, Seq{1});
    definition.crash_points = true;
    WEIR_ASSIGN_OR_RETURN(auto table, lake::DeltaLakeTable::open(engine, lake_options(config), std::move(definition)));
    return std::unique_ptr<LakeTable>(std::move(table));
  };
  request.transform = [&](std::shared_ptr<const Plan> plan, int32_t shard,
                          bool asks_for_columns) -> Result<std::unique_ptr<RowTransform>> {
    transform::TableTransformOptions how{.shard = shard};
    if (asks_for_columns && plan->on_unknown_field == UnknownFields::kAddColumn) {
      how.new_columns_max = std::max(0, kAddedColumnsMax - next.added_columns);
    }
    // The subjects of the file may have changed; the letter was this table's.
    WEIR_ASSIGN_OR_RETURN(auto made, make_transform(engine, std::move(plan), {">"}, std::move(how)));
    return std::unique_ptr<RowTransform>(std::make_unique<OwnedTransform>(std::move(made)));
  };
  request.may_begin = [&] { return check_no_backfill(engine, config, options.table); };
  request.stopping = watch.stopping;
  if (config.clickhouse) {
    WEIR_ASSIGN_OR_RETURN(request.upto, hot_position_of(config, options.table));
    request.into_hot = [&](const audit::IdentitySet& ids) {
      return into_hot(engine, config, *section, ids, telemetry, watch);
    };
  }
  request.selection = options.selection;
  request.now_us = system_clock().unix_us();
  request.dry_run = options.dry_run;
  WEIR_ASSIGN_OR_RETURN(outcome.replay, audit::replay_letters(engine, request));
  return outcome;
}

Result<audit::LetterDecision> run_drop(const engine::Engine& engine, const PipelineConfig& config,
                                       const LetterRunOptions& options, const std::string& reason) {
  WEIR_RETURN_IF_ERROR(section_of(config, options.table).status());
  return audit::drop_letters(engine, lake_of(config, options.table), options.selection, reason,
                             system_clock().unix_us(), options.dry_run);
}

Result<std::map<std::string, audit::IdentitySet>> all_dropped(const engine::Engine& engine,
                                                              const PipelineConfig& config) {
  const audit::LetterStore store(lake_objects(engine, config));
  std::map<std::string, audit::IdentitySet> dropped;
  for (const TableSection& section : config.tables) {
    WEIR_ASSIGN_OR_RETURN(auto settled, audit::settled_letters(store, section.plan.table, 0));
    if (!settled.dropped.shards().empty()) dropped.emplace(section.plan.table, std::move(settled.dropped));
  }
  return dropped;
}

Result<audit::IdentitySet> replayed_letters(const engine::Engine& engine, const PipelineConfig& config,
                                            const std::string& table, const LakeSnapshot& rows) {
  WEIR_ASSIGN_OR_RETURN(const auto carried_out, rows.txn(audit::replay_app_id(table)));
  if (!carried_out) return audit::IdentitySet();
  WEIR_ASSIGN_OR_RETURN(auto settled,
                        audit::settled_letters(audit::LetterStore(lake_objects(engine, config)), table, *carried_out));
  return std::move(settled.replayed);
}

}  // namespace weir::app
