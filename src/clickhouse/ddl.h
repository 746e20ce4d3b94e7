#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "clickhouse/native_block.h"
#include "clickhouse/options.h"
#include "schema/table_schema.h"

namespace weir::clickhouse {

/// Table that Weir keeps beside the user's, in the same database.
inline constexpr std::string_view kFenceTable = "_weir_fence";

/// How many INSERTs a table remembers the tokens of. A retry comes right after its first try, so a few would do.
inline constexpr int kDeduplicationWindow = 1'000;

/// Columns of the plan's table: the row columns, then the system columns.
[[nodiscard]] Result<std::vector<BlockColumn>> table_columns(const Plan& plan);

/// "`a` Int64, `b` String"
[[nodiscard]] std::string column_list(const std::vector<BlockColumn>& columns);

/// "`a`, `b`"
[[nodiscard]] std::string name_list(const std::vector<BlockColumn>& columns);

/// `database`.`table`
[[nodiscard]] std::string qualified(std::string_view database, std::string_view table);

// Statements; docs/formats/clickhouse.md says why each clause is there.
[[nodiscard]] std::string create_database_sql(std::string_view database);
[[nodiscard]] Result<std::string> create_table_sql(std::string_view database, const Plan& plan,
                                                   const TableOptions& options);
[[nodiscard]] std::string create_fence_sql(std::string_view database);

/// CREATE OR REPLACE of the view for readers, see schema/reader_view.h.
[[nodiscard]] std::string create_reader_view_sql(const std::string& database, const std::string& table, Seq hot_start,
                                                 const std::vector<ReaderColumn>& columns);

/// Columns of PARTITION BY and ORDER BY, in ClickHouse's order.
[[nodiscard]] std::vector<std::string> sorting_columns(const Plan& plan);

/// Expression of the TTL for `retention`, as ClickHouse prints it back.
[[nodiscard]] std::string ttl_expression(std::chrono::seconds retention);

/// The comment that makes a table ours: owner and plan, as JSON.
[[nodiscard]] std::string table_comment(const Plan& plan, const TableOptions& options);

}  // namespace weir::clickhouse
