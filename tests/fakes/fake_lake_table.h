#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ports/lake_table.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// One version of the fake Delta log.
struct LakeVersion {
  std::vector<std::shared_ptr<arrow::RecordBatch>> added;
  std::map<std::string, int64_t, std::less<>> txns;  ///< All that are in force at this version.
  std::vector<std::string> moved;                    ///< App ids this commit carried.
};

/// The table as its storage holds it; shared by the processes of a test.
struct LakeState {
  std::vector<LakeVersion> log;

  explicit LakeState(const std::vector<LakeTxn>& initial = {});
  [[nodiscard]] std::vector<std::shared_ptr<arrow::RecordBatch>> rows() const;
  [[nodiscard]] std::optional<int64_t> txn(std::string_view app_id) const;
};

/// Delta's rules, no more: optimistic commits that conflict on common app ids, rebase over everything else, and accept any
/// version number. Passes the same contract test as the real table.
class FakeLakeTable final : public LakeTable {
 public:
  FakeLakeTable(LakeState& state, Faults faults) : state_(state), faults_(std::move(faults)) {}

  Result<std::shared_ptr<const LakeSnapshot>> snapshot() override;
  Result<std::unique_ptr<LakeFiles>> write_files(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) override;
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

}  // namespace weir::fakes
