#include "config/resolve_rows.h"

#include <arrow/type.h>

#include <map>
#include <set>
#include <string_view>

namespace weir {
namespace {

// Indices of the tables, each behind the one it follows. Requires: no ring, see read_tables().
std::vector<size_t> in_order_of_following(const std::vector<TableSection>& tables) {
  std::vector<size_t> order;
  std::set<std::string_view> placed;
  while (order.size() < tables.size()) {
    const size_t before = order.size();
    for (size_t i = 0; i < tables.size(); ++i) {
      const TableSection& table = tables[i];
      if (placed.contains(table.plan.table) || (!table.from_table.empty() && !placed.contains(table.from_table))) continue;
      placed.insert(table.plan.table);
      order.push_back(i);
    }
    if (order.size() == before) break;  // What is left follows nothing that is there.
  }
  return order;
}

// A column that an unknown field gets has to come out of the SQL, so a column that nobody named is sent through it.
Status check_passes_new_columns(const Plan& plan, const SqlChecker& check_sql) {
  Plan probe = plan;
  const std::string name = "weir_new_column";
  probe.input.push_back({.name = name, .type = {.kind = TypeKind::kInt64}, .from = {.text = "/" + name}});
  WEIR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Schema> result, check_sql(probe));
  if (result->GetFieldByName(name) != nullptr) return ok_status();
  return invalid_argument(
      "on_unknown_field = \"add_column\" needs SQL that passes every column on: write SELECT * (with what you compute "
      "beside it), or use on_unknown_field = \"ignore\"");
}

}  // namespace

std::vector<InputColumn> input_from_rows(const Plan& followed) {
  std::vector<InputColumn> input;
  for (const RowColumn& row : followed.rows) {
    input.push_back({.name = row.name,
                     .type = row.type,
                     .from = {.kind = ValueSource::Kind::kPointer, .text = "/" + row.name},
                     .required = !row.nullable,
                     .default_json = std::nullopt});
  }
  return input;
}

Status resolve_rows(Plan* plan, const SqlChecker& check_sql) {
  if (plan->sql.empty()) return set_rows_from_input(plan);
  WEIR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Schema> result, check_sql(*plan));
  WEIR_RETURN_IF_ERROR(set_rows_from_sql(*result, plan));
  if (plan->on_unknown_field != UnknownFields::kAddColumn) return ok_status();
  return check_passes_new_columns(*plan, check_sql);
}

std::vector<ConfigProblem> resolve_rows(PipelineConfig* config, const SqlChecker& check_sql) {
  ProblemList problems(config->file);
  std::map<std::string_view, const Plan*> resolved;
  for (const size_t index : in_order_of_following(config->tables)) {
    TableSection& table = config->tables[index];
    if (!table.from_table.empty()) {
      const auto followed = resolved.find(table.from_table);
      if (followed == resolved.end()) continue;  // Its own problem is reported already.
      table.plan.input = input_from_rows(*followed->second);
    }
    const Status status = resolve_rows(&table.plan, check_sql);
    if (status.ok()) {
      resolved.emplace(table.plan.table, &table.plan);
      continue;
    }
    const std::string label = "table[" + table.plan.table + "]";
    problems.add(table.plan.sql.empty() ? table.line : table.sql_line, table.plan.sql.empty() ? label : label + ".sql",
                 status.message());
  }
  return std::move(problems).take_sorted();
}

}  // namespace weir
