#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ports/hot_table.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// The table and its fence as the server holds them; shared by the processes of a test. One shard.
struct HotState {
  bool exists = false;
  std::multiset<RowId> rows;
  Epoch fence;
  std::set<RowId> refused;  ///< Rows the server can never take.
};

/// ClickHouse with fault knobs: one INSERT is atomic, the fence is checked when it LANDS, repeated rows double. It knows no
/// deduplication tokens, since nothing may rest on them. Passes the same contract test as the real table.
class FakeHotTable final : public HotTable {
 public:
  FakeHotTable(HotState& state, Faults faults) : state_(state), faults_(std::move(faults)) {}

  Result<bool> ensure() override;
  Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> split_by_partition(
      const std::shared_ptr<arrow::RecordBatch>& rows) override;
  Status insert(const HotInsert& insert) override;
  Result<std::vector<RowId>> read_ids(int32_t shard, SeqRange range) override;
  Result<SeqRange> seq_bounds(int32_t shard) override;
  Result<Epoch> fence(int32_t shard) override;
  Status raise_fence(int32_t shard, Epoch epoch) override;
  Status erase(int32_t shard, SeqRange range) override;

 private:
  Status reachable(std::string_view step);

  HotState& state_;
  Faults faults_;
};

}  // namespace weir::fakes
