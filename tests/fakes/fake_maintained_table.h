#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "maintain/maintained_table.h"
#include "tests/fakes/fake_lake_state.h"
#include "tests/fakes/faults.h"

namespace weir::fakes {

/// Objects below `_weir` by path, as they are now.
using LakeDocuments = std::function<std::map<std::string, std::string>()>;

/// What delta-rs and our engine do to a Delta table in its upkeep, step by step, each of them with fault knobs: other
/// threads and processes may run between any two. Passes the same contract test as the real one.
///
/// Left out, because no writer of ours does it beside live ingest: commits that delete rows (an erasure).
class FakeMaintainedTable final : public maintain::MaintainedTable {
 public:
  /// `name`: the table's folder in the lake.
  FakeMaintainedTable(LakeState& state, Faults faults, std::string name, LakeDocuments documents);

  Result<engine::TableDescription> describe(bool with_files) override;
  Result<engine::OptimizeResult> optimize(const engine::OptimizeOptions& options) override;
  Result<int64_t> checkpoint() override;
  Result<std::vector<std::string>> vacuum(const engine::VacuumOptions& options) override;
  Result<std::vector<std::string>> clean_log(const engine::CleanLogOptions& options) override;
  const engine::ObjectReader& objects() const override { return objects_; }
  std::vector<maintain::StagedFile> staged(std::chrono::milliseconds age) override;
  Status remove_staged(const std::vector<maintain::StagedFile>& files) override;

 private:
  using Bin = std::vector<FileId>;

  class Objects final : public engine::ObjectReader {
   public:
    explicit Objects(const FakeMaintainedTable& table) : table_(table) {}
    Result<std::string> get(const std::string& path) const override;
    Result<std::vector<engine::ObjectEntry>> list(const std::string& prefix) const override;

   private:
    const FakeMaintainedTable& table_;
  };

  // A call that changes nothing by itself. Throws Killed.
  Status pass(std::string_view step) const;
  // The same, of which what follows takes for granted that it was short.
  Status pass_quickly(std::string_view step);
  Result<engine::OptimizeResult> optimize_once(const engine::OptimizeOptions& options);
  Status not_read(FileId file, const LakeCommit& commit) const;
  [[nodiscard]] std::vector<Bin> bins(size_t version, const engine::OptimizeOptions& options) const;
  [[nodiscard]] std::vector<FileId> unneeded_files(int64_t retention_ms) const;
  [[nodiscard]] std::vector<size_t> unneeded_versions(int64_t retention_ms) const;
  [[nodiscard]] std::map<std::string, int64_t> sizes() const;
  [[nodiscard]] size_t newest() const { return state_.log.size() - 1; }

  LakeState& state_;
  const Faults faults_;
  const std::string name_;
  const LakeDocuments documents_;
  const Objects objects_;
};

}  // namespace weir::fakes
