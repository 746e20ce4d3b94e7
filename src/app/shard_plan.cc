// How a table's plan in the lake meets the one in the pipeline file, and how a shard goes on behind a gap.
#include "app/gap.h"
#include "app/shard.h"
#include "lake/plan_store.h"

namespace weir::app {

// A plan takes effect at one sequence, after everything before it is in the lake. Rows of another shape need more than that.
Status Shard::settle_plan(TableParts& parts) {
  const lake::PlanStore plans(lake_objects(*services_.engine, config_));
  WEIR_ASSIGN_OR_RETURN(const Seq position, lake_position(parts));
  const auto current = plans.current(parts.plan->table, 0);
  if (!current.ok() && current.status().code() != StatusCode::kNotFound) return current.status();
  if (!current.ok()) return plans.record(*parts.plan, 0, position + 1);
  if ((*current)->id() == parts.plan->id()) return ok_status();
  if ((*current)->rows != parts.plan->rows || (*current)->partition_by != parts.plan->partition_by ||
      (*current)->order_by != parts.plan->order_by) {
    return invalid_argument(
        "its columns, partition_by or order_by differ from the ones the table was made with, and changing them in place "
        "is not supported yet: give the new shape another table name, or put the old definition back");
  }
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
  if (highest > position) {
    return invalid_argument("its plan changed while a store is ahead of the lake (" + to_string(highest) + " > " +
                            to_string(position) +
                            "): run the old file once with --until-caught-up, then start with the new one");
  }
  telemetry_.log.info("a changed plan takes effect",
                      {{"table", parts.plan->table}, {"from_seq", position.value + 1}, {"plan", parts.plan->id()}});
  return plans.record(*parts.plan, 0, position + 1);
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
