#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "clickhouse/client.h"
#include "clickhouse/options.h"
#include "schema/table_schema.h"

namespace weir::clickhouse {

struct ExistingColumn {
  std::string name;
  std::string type;
  std::string default_kind;  ///< "DEFAULT", "MATERIALIZED", "ALIAS", "EPHEMERAL" or empty.
};

/// A table as the server describes it.
struct TableState {
  std::string engine;
  std::string partition_key;
  std::string sorting_key;
  std::string engine_full;  ///< Engine with its keys, TTL and settings.
  std::string comment;
  std::vector<ExistingColumn> columns;
};

/// One way in which a table is not what the plan wants, and the statement that mends it.
struct TableDifference {
  std::string what;
  std::string remedy;
};

/// The server's description; empty when there is no such table. kInvalidArgument: the table's engine or database
/// replicates or distributes, which Weir does not support.
[[nodiscard]] Result<std::optional<TableState>> table_state(Client& client, const std::string& table);

/// kInvalidArgument: the table's comment does not say that `options.pipeline` owns it.
[[nodiscard]] Status check_owner(const std::string& database, const std::string& table, const TableOptions& options,
                                 const TableState& state);

/// Everything in which `state` keeps rows of `plan` out, or was not made by create_table_sql(). Columns that users added
/// are fine when they have a default or are nullable, and so are columns that hold more than the plan writes.
[[nodiscard]] Result<std::vector<TableDifference>> table_differences(const std::string& database, const Plan& plan,
                                                                     const TableOptions& options,
                                                                     const TableState& state);

/// Makes the database, the fence, and the plan's table where they are missing; where the table is there and was made for
/// another plan, brings it to this one as far as that goes in place (table_evolution.h), and checks it. True when the table was made now. May be repeated. kInvalidArgument: check_server()'s reasons; a table of another
/// owner; or differences, each named with the ALTER that mends it. kPermissionDenied names what the user may not do.
[[nodiscard]] Result<bool> ensure_table(Client& client, const Plan& plan, const TableOptions& options);

/// Drops the readers' views of `table` (schema/reader_view.h) whose hot_start is below the given one. Ok when there is none.
[[nodiscard]] Status drop_reader_views(Client& client, const std::string& table, Seq hot_start);

/// Drops the table and waits until its data is gone. Ok when there is none. The fence stays.
[[nodiscard]] Status drop_table(Client& client, const std::string& table);

}  // namespace weir::clickhouse
