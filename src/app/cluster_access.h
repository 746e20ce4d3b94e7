#pragma once

#include <chrono>
#include <string>

#include "base/status.h"
#include "engine/cluster.h"

namespace weir::app {

/// The cluster behind `scheduler_url`, its tasks as many as its executors run at a time. kUnavailable: no scheduler answers
/// there, or it has no executor. A job would wait for one until its time is over.
[[nodiscard]] Result<engine::Cluster> open_cluster(const std::string& scheduler_url, std::chrono::seconds timeout);

}  // namespace weir::app
