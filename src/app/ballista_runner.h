#pragma once

#include <chrono>
#include <string>

#include "cluster/staged_transform.h"
#include "engine/engine.h"

namespace weir::app {

/// The parts of a job as tasks of a Ballista cluster. `engine` must outlive it.
class BallistaRunner final : public cluster::JobRunner {
 public:
  /// `timeout`: of one job, >= 1 s.
  BallistaRunner(const engine::Engine& engine, std::string scheduler_url, std::chrono::seconds timeout)
      : engine_(engine), scheduler_url_(std::move(scheduler_url)), timeout_(timeout) {}

  Result<int32_t> tasks() override;
  Status run(const std::string& spec, const std::vector<std::string>& parts,
             const std::function<bool()>& unwanted) override;

 private:
  const engine::Engine& engine_;
  const std::string scheduler_url_;
  const std::chrono::seconds timeout_;
};

}  // namespace weir::app
