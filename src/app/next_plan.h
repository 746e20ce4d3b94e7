#pragma once

#include <memory>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"
#include "schema/table_schema.h"

namespace weir::app {

/// The plan a table is to run, beside the one that is in force.
struct NextPlan {
  std::shared_ptr<const Plan> plan;     ///< Never null. The file's, made to fit what the table holds already.
  std::shared_ptr<const Plan> current;  ///< In force; null: the table has none yet.
  int added_columns = 0;                ///< Input columns of `plan` that the file does not know: events brought them.
};

/// `section` with the rows that the table it follows has now as its input: events may have brought columns that the file does
/// not know. Any other section, and one whose source is not in the lake yet, as it is. kInvalidArgument: its SQL does not fit
/// those rows.
[[nodiscard]] Result<TableSection> with_followed_columns(const engine::Engine& engine, const PipelineConfig& config,
                                                         TableSection section);

/// What the file's plan of a table leads to: with the columns that events brought before and `new_columns`, and nullable
/// where rows from before hold NULL (schema/plan_evolution.h). Whoever opens a table of a running pipeline for reading or
/// filling wants this plan and not the file's. Writes nothing. kInvalidArgument: the change cannot be made in place; the
/// message names the columns and the command that rebuilds the table. Requires: section.plan has its rows.
[[nodiscard]] Result<NextPlan> next_plan(const engine::Engine& engine, const PipelineConfig& config,
                                         const TableSection& section, const std::vector<InputColumn>& new_columns = {});

}  // namespace weir::app
