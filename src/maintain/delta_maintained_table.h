#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "lake/delta_lake_table.h"
#include "maintain/maintained_table.h"

namespace weir::maintain {

/// A table of a lake through the engine. Has a handle of its own, so that upkeep never waits for a writer and no writer
/// for it.
class DeltaMaintainedTable final : public MaintainedTable {
 public:
  /// `engine` must outlive the table. kNotFound: there is no such table.
  [[nodiscard]] static Result<std::unique_ptr<MaintainedTable>> open(const engine::Engine& engine,
                                                                     const lake::LakeOptions& lake, std::string table);

  Result<engine::TableDescription> describe(bool with_files) override;
  Result<engine::OptimizeResult> optimize(const engine::OptimizeOptions& options) override;
  Result<int64_t> checkpoint() override;
  Result<std::vector<std::string>> vacuum(const engine::VacuumOptions& options) override;
  Result<std::vector<std::string>> clean_log(const engine::CleanLogOptions& options) override;
  const engine::ObjectReader& objects() const override { return objects_; }
  std::vector<StagedFile> staged(milliseconds age) override;
  Status remove_staged(const std::vector<StagedFile>& files) override;

 private:
  DeltaMaintainedTable(std::string lake_url, std::string table, engine::ObjectStore objects,
                       std::unique_ptr<engine::DeltaTable> delta)
      : lake_url_(std::move(lake_url)),
        table_(std::move(table)),
        objects_(std::move(objects)),
        delta_(std::move(delta)) {}

  const std::string lake_url_;
  const std::string table_;
  const engine::ObjectStore objects_;
  const std::unique_ptr<engine::DeltaTable> delta_;
};

}  // namespace weir::maintain
