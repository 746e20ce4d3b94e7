#include "app/command_table.h"

#include "app/services.h"
#include "backfill/job_store.h"

namespace weir::app {

Result<const TableSection*> section_of(const PipelineConfig& config, const std::string& table) {
  for (const TableSection& section : config.tables) {
    if (section.plan.table == table) return &section;
  }
  return not_found("--table " + table + ": " + config.file + " has no such [[table]]");
}

Status check_no_backfill(const engine::Engine& engine, const PipelineConfig& config, const std::string& table) {
  WEIR_ASSIGN_OR_RETURN(const auto job, backfill::JobStore(lake_objects(engine, config)).last(table));
  if (!job || has_ended(job->state())) return ok_status();
  return already_exists("backfill " + std::to_string(job->spec.number) + " of " + table + " is " +
                        std::string(to_string(job->state())) + ": wait for its end, or cancel it: weir backfill " +
                        config.file + " --table " + table + " --to clickhouse --cancel");
}

}  // namespace weir::app
