#include "clickhouse/table_evolution.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "clickhouse/ddl.h"
#include "clickhouse/sql_text.h"

namespace weir::clickhouse {
namespace {

using Kind = NativeType::Kind;

bool widens(Kind from, Kind to) {
  return (from == Kind::kUInt8 && to == Kind::kInt16) || (from == Kind::kUInt16 && to == Kind::kInt32) ||
         (from == Kind::kUInt32 && to == Kind::kInt64);
}

bool was_made_for(const TableState& state, const Plan& plan) {
  const auto comment = nlohmann::json::parse(state.comment, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer id("/weir/plan");
  return comment.is_object() && comment.contains(id) && comment.at(id) == plan.id();
}

}  // namespace

bool holds_all(const NativeType& wide, const NativeType& narrow) {
  if (narrow.nullable && !wide.nullable) return false;
  NativeType adapted = narrow;
  adapted.nullable = wide.nullable;
  if (widens(narrow.kind, wide.kind)) adapted.kind = wide.kind;
  return adapted == wide;
}

Result<std::vector<TableStep>> steps_to(const std::string& database, const Plan& plan, const TableState& state) {
  std::vector<TableStep> steps;
  if (was_made_for(state, plan)) return steps;
  WEIR_ASSIGN_OR_RETURN(const auto wanted, table_columns(plan));
  const std::string alter = "ALTER TABLE " + qualified(database, plan.table);
  for (const BlockColumn& column : wanted) {
    const std::string definition = quote_identifier(column.name) + " " + column.type_text;
    const auto existing = std::ranges::find(state.columns, column.name, &ExistingColumn::name);
    if (existing == state.columns.end()) {
      if (!column.type.nullable) continue;  // Rows from before have no value for it: a difference, and refused as one.
      steps.push_back({alter + " ADD COLUMN IF NOT EXISTS " + definition, {column.name, column.type_text, ""}});
      continue;
    }
    const auto type = parse_native_type(existing->type);
    if (!type.ok() || holds_all(*type, column.type) || !holds_all(column.type, *type)) continue;
    steps.push_back(
        {alter + " MODIFY COLUMN " + definition, {column.name, column.type_text, existing->default_kind}});
  }
  return steps;
}

Status evolve_table(Client& client, const Plan& plan, const TableOptions& options) {
  WEIR_ASSIGN_OR_RETURN(const auto state, table_state(client, plan.table));
  if (!state || !check_owner(client.options().database, plan.table, options, *state).ok()) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto steps, steps_to(client.options().database, plan, *state));
  for (const TableStep& step : steps) WEIR_RETURN_IF_ERROR(client.execute({.sql = step.sql}).with_context(step.sql));
  return ok_status();
}

}  // namespace weir::clickhouse
