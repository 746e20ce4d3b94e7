#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "config/problem.h"

namespace arrow {
class Schema;
}

namespace weir {

/// Compiles a plan's SQL against its input and yields the schema of the result (system columns may be part of it), or
/// says why the SQL is refused. The engine provides it.
using SqlChecker = std::function<Result<std::shared_ptr<arrow::Schema>>(const Plan&)>;

/// Fills plan->rows: from its SQL where it has one, else from its columns. kInvalidArgument: the SQL or the rows are
/// refused; or the plan adds columns for unknown fields and its SQL would not pass them on.
[[nodiscard]] Status resolve_rows(Plan* plan, const SqlChecker& check_sql);

/// The rows of a table as the input of one that follows it (from_table).
[[nodiscard]] std::vector<InputColumn> input_from_rows(const Plan& followed);

/// Fills plan.rows of every table: from its SQL where it has one, else from its columns. All problems are returned;
/// each names the table, the file and the line of the `sql` key. Empty: every table is ready. Requires: check_sql is
/// callable.
[[nodiscard]] std::vector<ConfigProblem> resolve_rows(PipelineConfig* config, const SqlChecker& check_sql);

}  // namespace weir
