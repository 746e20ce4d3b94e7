#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "schema/table_schema.h"

namespace weir::trino {

/// One column on its way from both stores to one declared type. The lake's column needs no expression: Trino's Delta
/// connector shows it as exactly that type. ClickHouse's goes through a view there, cast to what Trino's connector can
/// show and in the way it can push predicates into, and is then cast to the declared type.
struct ColumnView {
  std::string name;
  std::string type;              ///< Declared, as SQL: row("a" bigint).
  std::string clickhouse;        ///< Over the ClickHouse table's column, in that view.
  std::string from_hot;          ///< Over the column of that view, in Trino.
  std::string hot_bound;         ///< True of every row there; empty: nothing need be said.
};

/// The columns of the plan's table: the row columns, then the system columns.
[[nodiscard]] std::vector<ColumnView> column_views(const Plan& plan);

[[nodiscard]] ColumnView column_view(std::string_view name, const ColumnType& type, bool nullable);

}  // namespace weir::trino
