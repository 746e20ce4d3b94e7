#include "app/ballista_runner.h"

#include <algorithm>

#include "app/cluster_access.h"

namespace weir::app {

Result<int32_t> BallistaRunner::tasks() {
  WEIR_ASSIGN_OR_RETURN(const engine::Cluster cluster, open_cluster(scheduler_url_, timeout_));
  return static_cast<int32_t>(std::min<uint32_t>(cluster.tasks, 100'000));
}

Status BallistaRunner::run(const std::string& spec, const std::vector<std::string>& parts,
                           const std::function<bool()>& unwanted) {
  const engine::Cluster cluster{
      .scheduler_url = scheduler_url_, .tasks = static_cast<uint32_t>(parts.size()), .timeout = timeout_};
  return engine::run_parts(engine_, cluster, spec, parts, unwanted);
}

}  // namespace weir::app
