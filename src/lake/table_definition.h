#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "engine/delta_table.h"
#include "engine/table_description.h"
#include "schema/table_schema.h"

namespace arrow {
class Schema;
}

namespace weir::lake {

// Table properties that say whose a table is.
inline constexpr std::string_view kPipelineProperty = "weir.pipeline";
inline constexpr std::string_view kTableProperty = "weir.table";
inline constexpr std::string_view kStreamProperty = "weir.stream";
inline constexpr std::string_view kShardsProperty = "weir.shards";

/// Whose rows a table holds. Fixed when the table is created.
struct TableOwner {
  std::string pipeline;
  std::string stream;
  int32_t shards = 1;
};

/// Everything that makes a Delta table one of ours. Value type.
struct TableDefinition {
  std::string name;  ///< Folder below the lake.
  std::shared_ptr<arrow::Schema> schema;
  std::vector<std::string> partition_by;
  std::map<std::string, std::string> properties;  ///< `weir.*` are compared when the table is there already.
  std::vector<engine::Txn> initial_txns;          ///< Set by the creating commit; must be in every later version.
  std::string row_filter;                         ///< SQL predicate that every read adds; empty: none.
  bool crash_points = false;  ///< Passes the crash points of writing and committing rows (base/crash_point.h).
};

/// The table of a plan's rows: append-only, statistics on system and sort columns, the position of each shard at first
/// - 1.
[[nodiscard]] TableDefinition rows_definition(const Plan& plan, const TableOwner& owner, Seq first);

/// `expected` against what a table that is there says of itself. kInvalidArgument lists every difference (owner,
/// stream, shards, partition columns, columns; both sides of each) and how to mend it. kDataLoss: the table has lost a
/// transaction that holds a position.
///
/// Columns may differ as far as rows of `expected` fit, or will after growth_of(): the table may lack nullable ones, have
/// nullable ones more, and allow NULL where `expected` has none. A column may hold NULL that the table calls NOT NULL.
[[nodiscard]] Status check_definition(const TableDefinition& expected, const engine::TableDescription& there);

/// What a table needs before it can take rows of a definition.
struct SchemaGrowth {
  std::vector<std::string> added;          ///< Columns it lacks.
  std::vector<std::string> made_nullable;  ///< Columns whose NOT NULL has to go.
  [[nodiscard]] bool empty() const { return added.empty() && made_nullable.empty(); }
};

/// Requires: check_definition(expected, there) is ok.
[[nodiscard]] Result<SchemaGrowth> growth_of(const TableDefinition& expected, const engine::TableDescription& there);

/// Columns that the table has and `expected` does not: its rows get NULL there. Requires: as growth_of().
[[nodiscard]] Result<std::vector<std::string>> foreign_columns(const TableDefinition& expected,
                                                               const engine::TableDescription& there);

}  // namespace weir::lake
