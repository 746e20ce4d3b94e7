#include "app/next_plan.h"

#include <algorithm>
#include <utility>

#include "app/services.h"
#include "config/resolve_rows.h"
#include "lake/plan_store.h"
#include "schema/plan_evolution.h"

namespace weir::app {
namespace {

std::string rebuild_command(const PipelineConfig& config, const std::string& table) {
  return "weir backfill " + config.file + " --table " + table + " --to lake --into NEW_TABLE --sql 'SELECT ... FROM input'";
}

// Whether the table once had the columns of `plan`: then an older file is back, and nothing was dropped by mistake.
Result<bool> had_columns_of(const lake::PlanStore& plans, const Plan& plan) {
  WEIR_ASSIGN_OR_RETURN(const auto history, plans.history(plan.table, 0));
  for (const lake::PlanChange& change : history) {
    WEIR_ASSIGN_OR_RETURN(const auto earlier, plans.load(plan.table, change.plan_id));
    if (same_columns(*earlier, plan)) return true;
  }
  return false;
}

Result<Plan> evolve(const lake::PlanStore& plans, const Plan& current, const Plan& wanted, EvolutionRules rules) {
  auto evolved = evolved_plan(current, wanted, rules);
  if (evolved.ok()) return evolved;
  WEIR_ASSIGN_OR_RETURN(rules.may_leave_out, had_columns_of(plans, wanted));
  return rules.may_leave_out ? evolved_plan(current, wanted, rules) : evolved;
}

}  // namespace

Result<TableSection> with_followed_columns(const engine::Engine& engine, const PipelineConfig& config,
                                           TableSection section) {
  if (section.from_table.empty()) return section;
  const auto followed = lake::PlanStore(lake_objects(engine, config)).current(section.from_table, 0);
  if (followed.status().code() == StatusCode::kNotFound) return section;
  WEIR_RETURN_IF_ERROR(followed.status());
  section.plan.input = input_from_rows(**followed);
  WEIR_RETURN_IF_ERROR(resolve_plan(engine, &section.plan).with_context("table " + section.plan.table + ": sql"));
  return section;
}

Result<NextPlan> next_plan(const engine::Engine& engine, const PipelineConfig& config, const TableSection& section,
                           const std::vector<InputColumn>& new_columns) {
  const lake::PlanStore plans(lake_objects(engine, config));
  NextPlan next;
  auto current = plans.current(section.plan.table, 0);
  if (!current.ok() && current.status().code() != StatusCode::kNotFound) return current.status();
  if (current.ok()) next.current = std::move(*current);

  Plan wanted = section.plan;
  if (next.current != nullptr) {
    for (InputColumn& column : columns_to_keep(section.plan, *next.current)) wanted.input.push_back(std::move(column));
  }
  for (const InputColumn& column : new_columns) {
    const bool known = std::ranges::find(wanted.input, column.name, &InputColumn::name) != wanted.input.end();
    if (!known) wanted.input.push_back(column);
  }
  next.added_columns = static_cast<int>(wanted.input.size() - section.plan.input.size());
  if (next.added_columns > 0) WEIR_RETURN_IF_ERROR(resolve_plan(engine, &wanted));
  if (next.current != nullptr) {
    WEIR_ASSIGN_OR_RETURN(wanted, evolve(plans, *next.current, wanted,
                                         {.rebuild = rebuild_command(config, section.plan.table)}));
  }
  next.plan = std::make_shared<const Plan>(std::move(wanted));
  return next;
}

}  // namespace weir::app
