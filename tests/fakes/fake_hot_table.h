#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ports/hot_table.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// The table and its fences as the server holds them; shared by the processes of a test. One shard.
struct HotState {
  bool exists = false;
  int made = 0;  ///< How often it was; the table's id.
  std::multiset<RowId> rows;
  Epoch fence;       ///< Of the live path.
  Epoch bulk_fence;
  std::set<Seq> views;      ///< Of readers: the hot_start of each.
  std::set<RowId> refused;  ///< Rows the server can never take.
  int64_t ids_max = INT64_MAX;  ///< That one read_ids() returns.

  /// Somebody drops the table. The fences stay.
  void drop();
  [[nodiscard]] Epoch& fence_of(const HotWriter& writer);
};

/// ClickHouse with fault knobs: one INSERT is atomic, the fence is checked when it LANDS, repeated rows double. It knows no
/// deduplication tokens, since nothing may rest on them. Passes the same contract test as the real table.
class FakeHotTable final : public HotTable {
 public:
  FakeHotTable(HotState& state, Faults faults) : state_(state), faults_(std::move(faults)) {}

  Result<bool> ensure() override;
  Result<std::string> table_id() override;
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> split_by_partition(
      const std::shared_ptr<arrow::RecordBatch>& rows) override;
  Status insert(const HotInsert& insert) override;
  Result<int64_t> count_rows(int32_t shard, SeqRange range) override;
  Result<std::vector<RowId>> read_ids(int32_t shard, SeqRange range) override;
  Result<SeqRange> seq_bounds(int32_t shard) override;
  Result<Epoch> fence(const HotWriter& writer) override;
  Status raise_fence(const HotWriter& writer, Epoch epoch) override;
  Status withdraw_views(Seq hot_start) override;
  Status offer_view(Seq hot_start) override;
  Status erase(int32_t shard, SeqRange range) override;

 private:
  Status reachable(std::string_view step);
  Status readable(std::string_view step);

  HotState& state_;
  Faults faults_;
};

}  // namespace weir::fakes
