#pragma once

#include <string>
#include <utility>
#include <vector>

#include "audit/lake_query.h"
#include "audit/row_digest.h"
#include "schema/table_schema.h"

namespace weir::audit {

/// SQL of the arguments of weir_row_hash() for the rows of a plan, in the order of its columns, then the system columns.
/// Uuids count in lower case, as ClickHouse keeps them. The same list serves the lake and a batch from the stream;
/// `known` (empty: all) are the columns there are, the others count as NULL.
[[nodiscard]] std::vector<std::string> hashed_columns_sql(const Plan& plan, const std::vector<std::string>& known = {});

/// Names of the same columns in the same order.
[[nodiscard]] std::vector<std::string> hashed_column_names(const Plan& plan);

/// "weir_row_hash(a, b)"
[[nodiscard]] std::string row_hash_call(const std::vector<std::string>& columns_sql);

/// Rows of one table version in the lake, hashed by its engine.
class LakeRows final : public DigestedRows {
 public:
  /// `row_filter`: SQL predicate that every question adds; empty: none.
  LakeRows(LakeQuery query, std::vector<std::string> columns_sql, std::string row_filter = "")
      : query_(std::move(query)), columns_sql_(std::move(columns_sql)), row_filter_(std::move(row_filter)) {}

  Result<std::vector<RowDigest>> digests(const RowScope& scope, int64_t width) override;
  Result<std::vector<RowPrint>> prints(const RowScope& scope) override;
  Result<std::vector<std::vector<uint64_t>>> column_hashes(int32_t shard, RowId id) override;

 private:
  [[nodiscard]] std::string from_where(const RowScope& scope) const;

  const LakeQuery query_;
  const std::vector<std::string> columns_sql_;
  const std::string row_filter_;
};

}  // namespace weir::audit
