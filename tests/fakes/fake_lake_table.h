#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "ports/lake_table.h"
#include "tests/fakes/fake_lake_state.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// Delta's rules, no more: optimistic commits that conflict on common app ids, rebase over everything else, and accept any
/// version number. Passes the same contract test as the real table.
class FakeLakeTable final : public LakeTable {
 public:
  FakeLakeTable(LakeState& state, Faults faults) : state_(state), faults_(std::move(faults)) {}

  Result<std::shared_ptr<const LakeSnapshot>> snapshot() override;
  Result<std::unique_ptr<LakeFiles>> write_files(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) override;
  Result<std::unique_ptr<LakeFiles>> adopt_files(const std::vector<std::string>& descriptions) override;
  Result<std::shared_ptr<const LakeSnapshot>> commit(const LakeSnapshot& base, const LakeFiles* files,
                                                     const std::vector<LakeTxn>& txns,
                                                     std::string_view info_json) override;
  Result<std::shared_ptr<arrow::RecordBatchReader>> read(const LakeSnapshot& snapshot, int32_t shard,
                                                         SeqRange range) override;
  Status checkpoint() override;

 private:
  LakeState& state_;
  Faults faults_;
};

/// What becomes of a commit: `step` names it, `land` makes it. As FakeLakeTable and FakeMaintainedTable share it.
[[nodiscard]] Status commit_or_not(LakeState& state, const Faults& faults, std::string_view step, size_t base,
                                   const LakeCommit& commit);

}  // namespace weir::fakes
