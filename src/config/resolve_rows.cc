#include "config/resolve_rows.h"

#include <arrow/type.h>

namespace weir {
namespace {

Status resolve_table(Plan* plan, const SqlChecker& check_sql) {
  if (plan->sql.empty()) return set_rows_from_input(plan);
  WEIR_ASSIGN_OR_RETURN(const std::shared_ptr<arrow::Schema> result, check_sql(*plan));
  return set_rows_from_sql(*result, plan);
}

}  // namespace

std::vector<ConfigProblem> resolve_rows(PipelineConfig* config, const SqlChecker& check_sql) {
  ProblemList problems(config->file);
  for (TableSection& table : config->tables) {
    const Status status = resolve_table(&table.plan, check_sql);
    if (status.ok()) continue;
    const std::string label = "table[" + table.plan.table + "]";
    problems.add(table.plan.sql.empty() ? table.line : table.sql_line, table.plan.sql.empty() ? label : label + ".sql",
                 status.message());
  }
  return std::move(problems).take_sorted();
}

}  // namespace weir
