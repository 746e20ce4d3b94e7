#include "app/audit_run.h"

#include <memory>
#include <utility>

#include "app/command_table.h"
#include "app/services.h"
#include "app/store_access.h"
#include "backfill/job_store.h"
#include "base/clock.h"
#include "lake/incarnation_store.h"
#include "lake/plan_store.h"
#include "pipeline/hot_position.h"

namespace weir::app {
namespace {

// The plan in force, which may have columns that the file does not know; the file's while none is on record.
Result<std::shared_ptr<const Plan>> plan_of(const engine::ObjectStore& objects, const TableSection& section) {
  auto current = lake::PlanStore(objects).current(section.plan.table, 0);
  if (current.status().code() == StatusCode::kNotFound) return std::make_shared<const Plan>(section.plan);
  return current;
}

audit::HotAudit hot_audit(const StoreAccess& access, const TableSection& section) {
  audit::HotAudit hot;
  hot.client = access.clickhouse.get();
  hot.position = [key_value = access.key_value.get(),
                  table = section.plan.table](int32_t shard) -> Result<std::optional<pipeline::HotPosition>> {
    const auto entry = key_value->get(pipeline::hot_position_key(table, shard));
    if (entry.status().code() == StatusCode::kNotFound) return std::optional<pipeline::HotPosition>();
    if (!entry.ok()) return entry.status().with_context("NATS KV");
    WEIR_ASSIGN_OR_RETURN(auto position, pipeline::hot_position_from_json(entry->value));
    return std::optional(std::move(position));
  };
  if (section.clickhouse_retention) hot.retention = *section.clickhouse_retention;
  return hot;
}

// What finished backfills of the whole table have brought into the very table that is there now.
Status add_coverage(const engine::ObjectStore& objects, const StoreAccess& access, const std::string& table,
                    audit::HotAudit* hot) {
  WEIR_ASSIGN_OR_RETURN(const auto jobs, backfill::JobStore(objects).list(table));
  if (jobs.empty()) return ok_status();
  const auto uuid = access.clickhouse->query_rows(
      {.sql = "SELECT toString(uuid) FROM system.tables WHERE database = {database:String} AND name = {table:String}",
       .parameters = {{"database", access.clickhouse->options().database}, {"table", table}}});
  if (!uuid.ok()) return uuid.status().with_context("ClickHouse");
  if (uuid->empty()) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto position, hot->position(0));
  for (const backfill::JobRecord& job : jobs) {
    const auto& pin = job.progress.pin;
    if (job.state() != backfill::JobState::kDone || !job.spec.covers_table() || !pin) continue;
    // A live path that began anew since says that the table was emptied.
    if (pin->clickhouse_uuid != uuid->front().front() || (position && position->hot_start > pin->hot_start)) continue;
    hot->covered_upper = pin->upper;
    hot->covered_from_us = job.spec.keep_from_us;
  }
  return ok_status();
}

Result<audit::TableAuditOptions> options_of(const engine::ObjectStore& objects, const PipelineConfig& config,
                                            const TableSection& section, const StoreAccess* access,
                                            const AuditRunOptions& asked) {
  audit::TableAuditOptions options;
  WEIR_ASSIGN_OR_RETURN(options.plan, plan_of(objects, section));
  options.pipeline = config.pipeline.name;
  options.lake_url = config.lake.url;
  options.lake_sync = config.lake.sync;
  options.from_seq = asked.from_seq;
  options.to_seq = asked.to_seq;
  options.now_us = system_clock().unix_us();
  options.progress = asked.progress;
  if (access != nullptr && access->clickhouse != nullptr) {
    options.hot = hot_audit(*access, section);
    WEIR_RETURN_IF_ERROR(add_coverage(objects, *access, section.plan.table, &*options.hot));
  }
  if (!asked.stream) {
    options.stream_skipped = "left out (--no-stream)";
  } else if (section.stream.empty()) {
    options.stream_skipped = "the table does not come from one";
  } else {
    WEIR_ASSIGN_OR_RETURN(const auto incarnation, lake::IncarnationStore(objects).current(section.stream));
    options.stream = audit::StreamAudit{.connection = access->nats.get(),
                                        .stream = section.stream,
                                        .subjects = section.subjects,
                                        .shards = section.shards,
                                        .base = incarnation ? incarnation->base : 0};
  }
  return options;
}

}  // namespace

Result<std::vector<audit::TableReport>> run_audit(const engine::Engine& engine, const PipelineConfig& config,
                                                  const AuditRunOptions& asked) {
  if (!asked.table.empty()) {
    WEIR_RETURN_IF_ERROR(section_of(config, asked.table).status());
  }
  std::unique_ptr<StoreAccess> access;
  if (config.clickhouse || asked.stream) {
    WEIR_ASSIGN_OR_RETURN(access, open_store_access(config));
  }
  const engine::ObjectStore objects = lake_objects(engine, config);
  std::vector<audit::TableReport> reports;
  for (const TableSection& section : config.tables) {
    const std::string& table = section.plan.table;
    if (!asked.table.empty() && table != asked.table) continue;
    WEIR_ASSIGN_OR_RETURN(const auto options, options_of(objects, config, section, access.get(), asked));
    auto report = audit::audit_table(engine, system_clock(), options);
    if (report.status().code() == StatusCode::kNotFound && asked.table.empty()) {
      reports.emplace_back(table).notes.push_back("not in the lake yet: " + report.status().message());
      continue;
    }
    if (!report.ok()) return report.status().with_context("table " + table);
    reports.push_back(std::move(report).value());
  }
  return reports;
}

Result<audit::ErasureOutcome> run_erasure(const engine::Engine& engine, const PipelineConfig& config,
                                          const EraseOptions& asked) {
  WEIR_ASSIGN_OR_RETURN(const TableSection* section, section_of(config, asked.table));
  const engine::ObjectStore objects = lake_objects(engine, config);
  // Its pinned version of the lake still has the rows, and would bring them back.
  WEIR_RETURN_IF_ERROR(check_no_backfill(engine, config, asked.table));
  std::unique_ptr<StoreAccess> access;
  audit::ErasureRequest request;
  if (config.clickhouse) {
    WEIR_ASSIGN_OR_RETURN(access, open_store_access(config));
    request.hot = hot_audit(*access, *section);
  }
  WEIR_ASSIGN_OR_RETURN(request.plan, plan_of(objects, *section));
  request.lake_url = config.lake.url;
  request.lake_sync = config.lake.sync;
  request.predicate = asked.where;
  request.reason = asked.reason;
  request.now_us = system_clock().unix_us();
  request.dry_run = asked.dry_run;
  return audit::erase_rows(engine, request);
}

}  // namespace weir::app
