#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "engine/sql_plan.h"
#include "schema/table_schema.h"
#include "transform/table_transform.h"

namespace weir::app {

/// A table's transform and the SQL it runs. Thread-compatible.
struct LiveTransform {
  std::unique_ptr<engine::SqlPlan> sql;  ///< Null without SQL.
  std::unique_ptr<transform::TableTransform> table;  ///< Null for rows of another table.
};

/// For messages of `subjects`. `options` without takes_subject and sql, which are filled here.
[[nodiscard]] Result<LiveTransform> make_transform(const engine::Engine& engine, std::shared_ptr<const Plan> plan,
                                                   const std::vector<std::string>& subjects,
                                                   transform::TableTransformOptions options);

}  // namespace weir::app
