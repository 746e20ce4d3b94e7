#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "clickhouse/native_type.h"
#include "clickhouse/options.h"
#include "clickhouse/table_setup.h"
#include "schema/table_schema.h"

namespace weir::clickhouse {

/// Whether a column of type `wide` takes every value of type `narrow` as it is: the same type, the same one Nullable, or
/// the signed integer that `narrow` may be widened to (schema/plan_evolution.h).
[[nodiscard]] bool holds_all(const NativeType& wide, const NativeType& narrow);

/// One step of a table towards a plan.
struct TableStep {
  std::string sql;
  ExistingColumn column;  ///< As it is afterwards.
};

/// What a table that `state` describes needs before it can take the rows of `plan`, as far as that can be done in place:
/// nullable columns that it lacks, and columns whose type has to hold more. Empty when its comment already names this
/// plan: what is missing then was taken away by somebody, and is not put back as if nothing had been there.
[[nodiscard]] Result<std::vector<TableStep>> steps_to(const std::string& database, const Plan& plan,
                                                      const TableState& state);

/// Brings the plan's table, if it is there and `options.pipeline` owns it, to what the plan needs. Unlike ensure_table() it
/// makes nothing: who finds the table missing has to know of it. Ok when there is no table or nothing to do.
[[nodiscard]] Status evolve_table(Client& client, const Plan& plan, const TableOptions& options);

}  // namespace weir::clickhouse
