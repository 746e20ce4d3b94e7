#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "clickhouse/client.h"
#include "clickhouse/fence.h"
#include "clickhouse/native_block.h"
#include "clickhouse/options.h"
#include "ports/hot_table.h"
#include "schema/table_schema.h"

namespace weir::clickhouse {

/// The port HotTable on a real ClickHouse: one plain MergeTree table and its rows in the fence table. Thread-safe.
/// Errors while connecting are kUnavailable; a table or database that is not there is kNotFound: ensure() again.
class ClickHouseHotTable final : public HotTable {
 public:
  /// Does not connect. `client` and `clock` must outlive it. kInvalidArgument: the plan has a type that ClickHouse
  /// cannot hold.
  [[nodiscard]] static Result<std::unique_ptr<ClickHouseHotTable>> open(Client& client, const Clock& clock, Plan plan,
                                                                        TableOptions options);

  /// See ensure_table(). Requires: called, with success, before the first insert().
  [[nodiscard]] Result<bool> ensure() override;
  [[nodiscard]] Result<std::string> table_id() override;  ///< system.tables.uuid
  /// See evolve_table().
  [[nodiscard]] Status evolve();
  [[nodiscard]] Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> split_by_partition(
      const std::shared_ptr<arrow::RecordBatch>& rows) override;
  [[nodiscard]] Status insert(const HotInsert& insert) override;
  [[nodiscard]] Result<int64_t> count_rows(int32_t shard, SeqRange range) override;
  [[nodiscard]] Result<std::vector<RowId>> read_ids(int32_t shard, SeqRange range) override;
  [[nodiscard]] Result<SeqRange> seq_bounds(int32_t shard) override;
  /// `_time` of a row of the shard with this `_seq`, microseconds UTC; kNotFound: there is none. Errors as seq_bounds().
  [[nodiscard]] Result<int64_t> time_us_at(int32_t shard, Seq seq);
  [[nodiscard]] Result<Epoch> fence(const HotWriter& writer) override;
  [[nodiscard]] Status raise_fence(const HotWriter& writer, Epoch epoch) override;
  [[nodiscard]] Status withdraw_views(Seq hot_start) override;
  [[nodiscard]] Status offer_view(Seq hot_start) override;  ///< Of TableOptions::reader_columns.
  [[nodiscard]] Status erase(int32_t shard, SeqRange range) override;

 private:
  ClickHouseHotTable(Client& client, const Clock& clock, Plan plan, TableOptions options,
                     std::vector<BlockColumn> columns);

  Client& client_;
  const Plan plan_;
  const TableOptions options_;
  const std::string name_;  ///< `database`.`table`
  const std::vector<BlockColumn> columns_;
  Fence fence_;
  const std::string insert_sql_;
};

}  // namespace weir::clickhouse
