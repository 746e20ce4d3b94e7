#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "engine/object_store.h"
#include "schema/table_schema.h"

namespace weir::lake {

/// One change of a shard's plan.
struct PlanChange {
  Seq effective_from;  ///< The first sequence that this plan transforms.
  std::string plan_id;
};

/// Every plan a table ever had, and from which sequence of each shard it is in force (`_weir/plans/`). Objects are only
/// ever added, so that a sequence can be transformed again by its own plan. Thread-safe; one writer per shard, its
/// lease holder.
class PlanStore {
 public:
  explicit PlanStore(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// Puts `plan` into force from `effective_from` on, and stores it first. Nothing happens when it is the shard's
  /// newest plan already. A second plan for the same sequence replaces the first. kInvalidArgument: `effective_from` is
  /// below the newest change. Requires: no sink holds anything of the shard at or above `effective_from`.
  [[nodiscard]] Status record(const Plan& plan, int32_t shard, Seq effective_from) const;

  /// The plan in force at `seq`. kNotFound: the shard has none there.
  [[nodiscard]] Result<std::shared_ptr<const Plan>> plan_at(std::string_view table, int32_t shard, Seq seq) const;

  /// The shard's newest plan. kNotFound: it has none.
  [[nodiscard]] Result<std::shared_ptr<const Plan>> current(std::string_view table, int32_t shard) const;

  /// Changes in order of `effective_from`, each sequence once. None: an empty list.
  [[nodiscard]] Result<std::vector<PlanChange>> history(std::string_view table, int32_t shard) const;

  /// kNotFound: the table never had such a plan. kDataLoss: what is stored is not a plan.
  [[nodiscard]] Result<std::shared_ptr<const Plan>> load(std::string_view table, std::string_view plan_id) const;

 private:
  engine::ObjectStore objects_;
};

}  // namespace weir::lake
