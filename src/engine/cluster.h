#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "telemetry/log.h"

namespace weir::engine {

// Apache Ballista: the same work on more than one machine.

/// A cluster to run a query or a job on.
struct Cluster {
  std::string scheduler_url;          ///< http://host:port
  uint32_t tasks = 1;                 ///< Into how many a stage is cut at most, >= 1.
  std::chrono::seconds timeout{600};  ///< For all of it, >= 1 s; then it is cancelled.
};

/// Has every one of `parts` done by the worker of some executor, at least once: a part may be done twice, by two executors at
/// once, and go on after this has returned. What was done is to be read where the worker wrote it; the Status is a hint.
/// kUnavailable: no scheduler answers, the job failed or took too long. kShuttingDown: unwanted. Both cancel it.
[[nodiscard]] Status run_parts(const Engine& engine, const Cluster& cluster, const std::string& spec,
                               const std::vector<std::string>& parts, const std::function<bool()>& unwanted);

/// Does one part of a job. `stopped` tells that nobody wants it any more. Called by several threads at once.
using PartWork = std::function<Status(const std::string& spec, const std::string& part, const std::function<bool()>& stopped)>;

struct SchedulerOptions {
  std::string host;  ///< To listen on.
  uint16_t port = 0;
  std::string advertised_host;  ///< Where executors reach it: they report there what became of their tasks.
  std::chrono::seconds executor_timeout{30};  ///< A silent executor counts as lost after it.
};

struct ExecutorOptions {
  std::string scheduler_host;
  uint16_t scheduler_port = 0;
  std::string host;  ///< To listen on.
  uint16_t result_port = 0;
  uint16_t task_port = 0;
  std::string advertised_host;  ///< Where others reach it; empty: where the scheduler sees it come from.
  std::string work_dir;         ///< A folder in it holds shuffles, results and what spills, and is removed at the end.
  uint32_t tasks = 1;           ///< At a time.
  int64_t memory_bytes_max = int64_t{1} << 30;  ///< Of all tasks; they spill beyond it.
  std::chrono::seconds heartbeat{10};
};

/// Serves until the process gets SIGTERM or SIGINT. One call in a process; `log` must outlive it and gets what the
/// libraries say. kUnavailable: the address is taken.
[[nodiscard]] Status serve_scheduler(const Engine& engine, const SchedulerOptions& options, Logger& log);

/// The same; tasks that run are finished first. `work` (may be empty: no jobs) does parts of jobs. kUnavailable, too: the scheduler does not answer, refuses
/// this version, or took the executor for lost and stopped it.
[[nodiscard]] Status serve_executor(const Engine& engine, const ExecutorOptions& options, const PartWork& work,
                                    Logger& log);

}  // namespace weir::engine
