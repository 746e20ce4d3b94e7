#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/delta_table.h"
#include "engine/object_store.h"
#include "engine/table_description.h"
#include "maintain/staged_files.h"

namespace weir::maintain {

/// One Delta table as its upkeep needs it: what is in it, and what can be done to it beside its writers. The simulation
/// has another one that runs in virtual time (tests/fakes); both pass tests/contract. One thread at a time.
class MaintainedTable {
 public:
  virtual ~MaintainedTable() = default;

  /// The newest version.
  [[nodiscard]] virtual Result<engine::TableDescription> describe(bool with_files) = 0;

  // As engine::DeltaTable says; each works on the version that is the newest when it is called.
  [[nodiscard]] virtual Result<engine::OptimizeResult> optimize(const engine::OptimizeOptions& options) = 0;
  [[nodiscard]] virtual Result<int64_t> checkpoint() = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> vacuum(const engine::VacuumOptions& options) = 0;
  [[nodiscard]] virtual Result<std::vector<std::string>> clean_log(const engine::CleanLogOptions& options) = 0;

  /// The lake that the table is in: the table's files, its log, the jobs below `_weir`.
  [[nodiscard]] virtual const engine::ObjectReader& objects() const = 0;

  /// What killed writes to the table or to `_weir` left behind at least `age` ago; see staged_files.h.
  [[nodiscard]] virtual std::vector<StagedFile> staged(milliseconds age) = 0;
  /// As maintain::remove_staged().
  [[nodiscard]] virtual Status remove_staged(const std::vector<StagedFile>& files) = 0;
};

}  // namespace weir::maintain
