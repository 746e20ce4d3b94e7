#include "maintain/delta_maintained_table.h"

#include <algorithm>
#include <iterator>

#include "lake/lake_layout.h"

namespace weir::maintain {

Result<std::unique_ptr<MaintainedTable>> DeltaMaintainedTable::open(const engine::Engine& engine,
                                                                    const lake::LakeOptions& lake, std::string table) {
  WEIR_ASSIGN_OR_RETURN(auto delta,
                        engine::DeltaTable::open(engine, lake::table_url(lake.url, table), {.sync = lake.sync}));
  return std::unique_ptr<MaintainedTable>(new DeltaMaintainedTable(
      lake.url, std::move(table), engine::ObjectStore(engine, lake.url, lake.sync), std::move(delta)));
}

Result<engine::TableDescription> DeltaMaintainedTable::describe(bool with_files) {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, delta_->snapshot());
  return snapshot->describe(with_files);
}

Result<engine::OptimizeResult> DeltaMaintainedTable::optimize(const engine::OptimizeOptions& options) {
  return delta_->optimize(options);
}

Result<int64_t> DeltaMaintainedTable::checkpoint() { return delta_->checkpoint(); }

Result<std::vector<std::string>> DeltaMaintainedTable::vacuum(const engine::VacuumOptions& options) {
  return delta_->vacuum(options);
}

Result<std::vector<std::string>> DeltaMaintainedTable::clean_log(const engine::CleanLogOptions& options) {
  return delta_->clean_log(options);
}

std::vector<StagedFile> DeltaMaintainedTable::staged(milliseconds age) {
  std::vector<StagedFile> found = staged_files(lake_url_, table_, age);
  std::ranges::move(staged_files(lake_url_, "_weir", age), std::back_inserter(found));
  return found;
}

Status DeltaMaintainedTable::remove_staged(const std::vector<StagedFile>& files) {
  return maintain::remove_staged(files);
}

}  // namespace weir::maintain
