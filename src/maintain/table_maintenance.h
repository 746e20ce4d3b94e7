#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/engine.h"
#include "lake/delta_lake_table.h"
#include "maintain/maintained_table.h"
#include "maintain/options.h"
#include "maintain/step_report.h"

namespace weir::maintain {

/// Upkeep of one Delta table of a lake, beside whoever writes to it: what is done in which order, and what is left alone.
/// `clock`, and the engine that the table was opened with, must outlive it. One thread at a time.
class TableMaintenance {
 public:
  /// `sort_columns`: for Options::sort; those that partition the table are left out. kNotFound: there is no such table.
  [[nodiscard]] static Result<std::unique_ptr<TableMaintenance>> open(const engine::Engine& engine, const Clock& clock,
                                                                      const lake::LakeOptions& lake, std::string table,
                                                                      std::vector<std::string> sort_columns);

  /// The same of a table that is there. `table` is its name in the lake.
  TableMaintenance(const Clock& clock, std::string table, std::vector<std::string> sort_columns,
                   std::unique_ptr<MaintainedTable> delta)
      : clock_(clock), table_(std::move(table)), sort_columns_(std::move(sort_columns)), delta_(std::move(delta)) {}

  /// Every step of `options` (except kParts, see part_watch.h), one report each, in their order. A step that fails says so
  /// in its report and the next one is tried. Ends early, with the reports so far, once `stop` is requested; a compaction
  /// stops between two commits.
  [[nodiscard]] std::vector<StepReport> run(const Options& options, const std::stop_token& stop);

 private:
  // Each fills `report`; an error becomes its outcome and note.
  Status compact(const Options& options, const std::stop_token& stop, StepReport* report);
  Status checkpoint(const Options& options, StepReport* report);
  Status clean_log(const Options& options, StepReport* report);
  Status vacuum(const Options& options, StepReport* report);
  Status delete_older(int64_t hours, bool dry_run, int64_t looked_ms, StepReport* report);
  bool stood_still(int64_t looked_ms, StepReport* report) const;
  Status step(Step step, const Options& options, const std::stop_token& stop, StepReport* report);
  [[nodiscard]] int64_t now_ms() const { return clock_.unix_us() / 1000; }

  const Clock& clock_;
  const std::string table_;
  const std::vector<std::string> sort_columns_;
  const std::unique_ptr<MaintainedTable> delta_;
};

}  // namespace weir::maintain
