#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/delta_table.h"
#include "engine/engine.h"
#include "engine/object_store.h"
#include "lake/delta_lake_table.h"
#include "maintain/options.h"
#include "maintain/step_report.h"

namespace weir::maintain {

/// Upkeep of one Delta table of a lake, beside whoever writes to it. Has a handle of its own, so that it never waits for a
/// writer and no writer for it. `engine` and `clock` must outlive it. One thread at a time.
class TableMaintenance {
 public:
  /// `sort_columns`: for Options::sort; those that partition the table are left out. kNotFound: there is no such table.
  [[nodiscard]] static Result<std::unique_ptr<TableMaintenance>> open(const engine::Engine& engine, const Clock& clock,
                                                                      const lake::LakeOptions& lake, std::string table,
                                                                      std::vector<std::string> sort_columns);

  /// Every step of `options` (except kParts, see part_watch.h), one report each, in their order. A step that fails says so
  /// in its report and the next one is tried. Ends early, with the reports so far, once `stop` is requested; a compaction
  /// stops between two commits.
  [[nodiscard]] std::vector<StepReport> run(const Options& options, const std::stop_token& stop);

 private:
  TableMaintenance(const Clock& clock, std::string lake_url, std::string table, std::vector<std::string> sort_columns,
                   engine::ObjectStore objects, std::unique_ptr<engine::DeltaTable> delta)
      : clock_(clock),
        lake_url_(std::move(lake_url)),
        table_(std::move(table)),
        sort_columns_(std::move(sort_columns)),
        objects_(std::move(objects)),
        delta_(std::move(delta)) {}

  // Each fills `report`; an error becomes its outcome and note.
  Status compact(const Options& options, const std::stop_token& stop, StepReport* report);
  Status checkpoint(const Options& options, StepReport* report);
  Status clean_log(const Options& options, StepReport* report);
  Status vacuum(const Options& options, StepReport* report);
  Status delete_older(int64_t hours, bool dry_run, StepReport* report);
  Status step(Step step, const Options& options, const std::stop_token& stop, StepReport* report);
  [[nodiscard]] int64_t now_ms() const { return clock_.unix_us() / 1000; }

  const Clock& clock_;
  const std::string lake_url_;
  const std::string table_;
  const std::vector<std::string> sort_columns_;
  const engine::ObjectStore objects_;
  const std::unique_ptr<engine::DeltaTable> delta_;
};

}  // namespace weir::maintain
