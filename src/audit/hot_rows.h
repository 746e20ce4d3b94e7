#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/row_digest.h"
#include "clickhouse/client.h"
#include "clickhouse/native_block.h"
#include "clickhouse/table_setup.h"
#include "schema/table_schema.h"

namespace weir::audit {

/// Rows of one table in ClickHouse, hashed by its server. `client` must outlive it.
class HotRows final : public DigestedRows {
 public:
  /// The plan's columns as the table has them: their types are the server's, and one that is not there yet counts as NULL.
  /// kInvalidArgument names a column whose type Weir never makes.
  [[nodiscard]] static Result<HotRows> open(clickhouse::Client& client, const Plan& plan,
                                            const clickhouse::TableState& state);

  Result<std::vector<RowDigest>> digests(const RowScope& scope, int64_t width) override;
  Result<std::vector<RowPrint>> prints(const RowScope& scope) override;
  Result<std::vector<std::vector<uint64_t>>> column_hashes(int32_t shard, RowId id) override;

  /// Rows by shard: how many, and the bounds of their sequences.
  [[nodiscard]] Result<std::map<int32_t, RowDigest>> shards();

  /// How many rows, and the bounds of their sequences; no hashes.
  [[nodiscard]] Result<RowDigest> count(const RowScope& scope);

 private:
  HotRows(clickhouse::Client& client, std::string name, std::vector<clickhouse::BlockColumn> columns)
      : client_(&client), name_(std::move(name)), columns_(std::move(columns)) {}

  [[nodiscard]] clickhouse::Statement in_scope(const std::string& select, const RowScope& scope,
                                               const std::string& after) const;

  clickhouse::Client* client_;
  std::string name_;
  std::vector<clickhouse::BlockColumn> columns_;
};

}  // namespace weir::audit
