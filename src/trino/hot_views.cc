#include "trino/hot_views.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "trino/view_text.h"

namespace weir::trino {

HotViews::HotViews(Names names, ClickHouseStatements& statements)
    : names_(std::move(names)), statements_(statements) {}

Result<std::vector<HotViews::View>> HotViews::views_of(const std::string& table) {
  // Names of tables and of the database are [a-z0-9_]: nothing to escape.
  WEIR_ASSIGN_OR_RETURN(const auto rows,
                        statements_.query("SELECT name, comment FROM system.tables WHERE database = '" +
                                          names_.view_database() + "' AND startsWith(name, '" + table + "_h')"));
  std::vector<View> views;
  const size_t digits = table.size() + 2;
  for (const auto& row : rows) {
    if (row.size() != 2) return unavailable("ClickHouse answered a list of views with something else");
    View view{.name = row[0], .comment = row[1]};
    const char* const end = view.name.data() + view.name.size();
    const auto [stop, error] = std::from_chars(view.name.data() + digits, end, view.hot_start);
    if (error == std::errc() && stop == end) views.push_back(std::move(view));  // Else one of a table <table>_h..
  }
  return views;
}

Status HotViews::ensure(const Plan& plan, int64_t hot_start) {
  const std::lock_guard lock(mutex_);
  if (const auto lowest = lowest_.find(plan.table); lowest != lowest_.end() && hot_start < lowest->second) {
    return conflict("ClickHouse now begins at _seq " + std::to_string(lowest->second));
  }
  WEIR_ASSIGN_OR_RETURN(const auto views, views_of(plan.table));
  const std::string comment = hot_view_comment(names_, plan);
  for (const View& view : views) {
    if (view.hot_start == hot_start && view.comment == comment) return ok_status();
  }
  WEIR_RETURN_IF_ERROR(statements_.execute("CREATE DATABASE IF NOT EXISTS `" + names_.view_database() + "`"));
  return statements_.execute(hot_view_sql(names_, plan, hot_start));
}

Status HotViews::revoke(const std::string& table, int64_t hot_start) {
  const std::lock_guard lock(mutex_);
  int64_t& lowest = lowest_[table];
  lowest = std::max(lowest, hot_start);
  WEIR_ASSIGN_OR_RETURN(const auto views, views_of(table));
  for (const View& view : views) {
    if (view.hot_start >= hot_start) continue;
    WEIR_RETURN_IF_ERROR(statements_.execute("DROP VIEW IF EXISTS `" + names_.view_database() + "`.`" + view.name + "`"));
  }
  return ok_status();
}

}  // namespace weir::trino
