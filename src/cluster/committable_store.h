#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "cluster/committable.h"
#include "engine/object_store.h"

namespace weir::cluster {

/// Where the executions of a table's parts leave their committables, and the driver finds them. Thread-safe.
class CommittableStore {
 public:
  virtual ~CommittableStore() = default;

  [[nodiscard]] virtual Status put(const std::string& job, const Committable& committable) = 0;

  /// All of one job so far. Those of executions that still run may come later.
  [[nodiscard]] virtual Result<std::vector<Committable>> of_job(const std::string& job) = 0;

  /// Removes what the job left so far.
  [[nodiscard]] virtual Status remove(const std::string& job) = 0;

  /// Removes what all jobs of the table left. Requires: none of them is wanted any more.
  [[nodiscard]] virtual Status sweep() = 0;
};

/// Small files of the lake: `_weir/committables/<table>/<shard>/<job>/<part>-<execution>.json`.
class LakeCommittables final : public CommittableStore {
 public:
  LakeCommittables(engine::ObjectStore objects, std::string folder) : objects_(std::move(objects)), folder_(std::move(folder)) {}

  Status put(const std::string& job, const Committable& committable) override;
  Result<std::vector<Committable>> of_job(const std::string& job) override;
  Status remove(const std::string& job) override;
  Status sweep() override;

 private:
  [[nodiscard]] Status remove_below(const std::string& folder);

  const engine::ObjectStore objects_;
  const std::string folder_;  // lake::committable_folder()
};

}  // namespace weir::cluster
