#pragma once

#include <string>

#include "base/ids.h"

namespace weir {

// Readers that are not Weir (Trino) do not see ClickHouse's tables but views of them, in a database of their own. A view is
// named after the sequence above which the live path has filled its table, hot_start. That moves on when a table is made
// again or a backlog is given up to history, and then the views of older beginnings are dropped FIRST: a query that was
// planned on one fails, where otherwise it would lack rows. Persisted names: they never change.

/// The database of the views of `database`.
[[nodiscard]] inline std::string reader_database(const std::string& database) { return database + "_trino"; }

/// What the name of every view of `table` begins with; digits follow.
[[nodiscard]] inline std::string reader_view_prefix(const std::string& table) { return table + "_h"; }

/// The view of `table` that holds every row above `hot_start`.
[[nodiscard]] inline std::string reader_view(const std::string& table, Seq hot_start) {
  return reader_view_prefix(table) + to_string(hot_start);
}

}  // namespace weir
