// How a table's plan in the lake meets the one in the pipeline file, and how a shard goes on behind a gap.
#include <algorithm>

#include "app/gap.h"
#include "app/shard.h"
#include "base/crash_point.h"
#include "lake/plan_store.h"

namespace weir::app {

Result<NextPlan> Shard::next_plan_of(const TableParts& parts) const {
  const auto asked = options_.new_columns.find(parts.section->plan.table);
  return next_plan(*services_.engine, config_, *parts.section,
                   asked == options_.new_columns.end() ? std::vector<InputColumn>() : asked->second);
}

Status Shard::choose_plan(TableParts& parts) {
  WEIR_ASSIGN_OR_RETURN(NextPlan next, next_plan_of(parts));
  parts.plan = std::move(next.plan);
  parts.added_columns = next.added_columns;
  return open_stores(parts);
}

// A plan takes effect at one sequence, after everything before it is in the lake. The stores are made to fit first, the lake
// before ClickHouse, and the plan is recorded last: a kill in between leaves stores that hold more than the plan in force
// writes, which they may, and the next start does the rest.
Status Shard::settle_plan(TableParts& parts) {
  const lake::PlanStore plans(lake_objects(*services_.engine, config_));
  WEIR_ASSIGN_OR_RETURN(const NextPlan next, next_plan_of(parts));
  // Whoever held the shard while we waited for it may have changed the plan.
  if (next.plan->id() != parts.plan->id()) WEIR_RETURN_IF_ERROR(choose_plan(parts));
  WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position(parts));
  if (next.current == nullptr) return plans.record(*parts.plan, 0, position + 1);
  if (next.current->id() == parts.plan->id()) return grow_lake(parts);  // The table may have been restored to an old version.
  WEIR_RETURN_IF_ERROR(check_nothing_ahead(parts, position));
  WEIR_RETURN_IF_ERROR(grow_lake(parts));
  crash_point("schema_lake_set");
  evolve_clickhouse(parts);
  crash_point("schema_clickhouse_set");
  WEIR_RETURN_IF_ERROR(plans.record(*parts.plan, 0, position + 1));
  crash_point("plan_recorded");
  telemetry_.log.info("a changed plan takes effect",
                      {{"table", parts.plan->table}, {"from_seq", position.value + 1}, {"plan", parts.plan->id()}});
  return ok_status();
}

// What a store holds above the lake's position was made by the plan in force, and the next one would make it again.
Status Shard::check_nothing_ahead(const TableParts& parts, Seq position) {
  Seq highest = position;
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, parts.dead_letter_table->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto dead_letters, snapshot->txn(position_app_id(parts.plan->table, 0)));
  highest = std::max(highest, Seq{dead_letters.value_or(0)});
  const auto entry = services_.key_value->get(pipeline::hot_position_key(parts.plan->table, 0));
  if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status();
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(const auto hot, pipeline::hot_position_from_json(entry->value));
    highest = std::max(highest, hot.in_flight ? hot.in_flight->range.last : hot.hot_position);
  }
  // KV may have lost its tail; a ClickHouse that answers knows better.
  if (parts.hot_table != nullptr) {
    if (const auto present = parts.hot_table->seq_bounds(0); present.ok()) highest = std::max(highest, present->last);
  }
  if (highest == position) return ok_status();
  return invalid_argument("its plan changed while a store is ahead of the lake (" + to_string(highest) + " > " +
                          to_string(position) +
                          "): run the old file once with --until-caught-up, then start with the new one");
}

Status Shard::grow_lake(TableParts& parts) {
  const std::string epoch_app_id = position_app_id(parts.plan->table, 0) + "/epoch";
  WEIR_ASSIGN_OR_RETURN(const bool grown, parts.lake_table->grow({{epoch_app_id, epoch_.value}}));
  if (grown) telemetry_.log.info("the lake's table fits the plan now", {{"table", parts.plan->table}});
  return ok_status();
}

// It need not be there: ensure() does the same before anything is inserted.
void Shard::evolve_clickhouse(TableParts& parts) {
  if (parts.hot_table == nullptr) return;
  const Status evolved = parts.hot_table->evolve();
  if (evolved.ok()) return;
  telemetry_.log.warn("ClickHouse's table follows the plan later",
                      {{"table", parts.plan->table}, {"reason", evolved.to_string()}});
}

Status Shard::accept_gap_if_asked() {
  GapAcceptor acceptor{.services = services_,
                       .config = config_,
                       .telemetry = telemetry_,
                       .stream = stream_info_,
                       .epoch = epoch_,
                       .base = base_,
                       .tables = {}};
  for (const auto& parts : tables_) {
    const std::string& name = parts->plan->table;
    WEIR_ASSIGN_OR_RETURN(const auto snapshot, parts->lake_table->snapshot());
    WEIR_ASSIGN_OR_RETURN(const auto identity, pipeline::stream_identity(*snapshot, name, 0));
    WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position(*parts));
    WEIR_ASSIGN_OR_RETURN(const auto dead_letters, parts->dead_letter_table->snapshot());
    WEIR_ASSIGN_OR_RETURN(const auto dead_letter_position, dead_letters->txn(position_app_id(name, 0)));
    acceptor.tables.push_back({.name = name,
                               .lake_table = *parts->lake_table,
                               .hot_table = parts->hot_table.get(),
                               .position = position,
                               .dead_letter_position = dead_letter_position.value_or(0),
                               .identity = identity});
  }
  WEIR_RETURN_IF_ERROR(acceptor.finish_or_accept(options_.accept_gap));
  base_ = acceptor.base;
  return ok_status();
}

}  // namespace weir::app
