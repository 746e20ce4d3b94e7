#include "engine/cluster.h"

#include <weir_engine.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "engine/status_mapping.h"

namespace weir::engine {
namespace {

// The C ABI has one log for the process and no place for an argument. Null while no role is served: threads of the libraries
// may outlive it.
std::atomic<Logger*> g_log = nullptr;

void pass_on(int32_t level, const char* module, const char* message) {
  Logger* const log = g_log.load();
  if (log == nullptr) return;
  const LogLevel as = level >= 3 ? LogLevel::kError : level == 2 ? LogLevel::kWarn : LogLevel::kInfo;
  log->log(as, message, {{"module", module}});
}

Status serve(const Engine& engine, const char* role, const nlohmann::json& options, Logger& log) {
  g_log = &log;
  CallOutcome outcome;
  weir_cluster_serve(engine.handle(), role, options.dump().c_str(), pass_on, outcome.out());
  g_log = nullptr;
  return outcome.ok() ? Status() : outcome.status(role);
}

}  // namespace

Status serve_scheduler(const Engine& engine, const SchedulerOptions& options, Logger& log) {
  return serve(engine, "scheduler",
               {{"host", options.host},
                {"port", options.port},
                {"executor_timeout_seconds", options.executor_timeout.count()}},
               log);
}

Status serve_executor(const Engine& engine, const ExecutorOptions& options, Logger& log) {
  const auto advertised = options.advertised_host.empty() ? nlohmann::json() : nlohmann::json(options.advertised_host);
  return serve(engine, "executor",
               {{"scheduler_host", options.scheduler_host},
                {"scheduler_port", options.scheduler_port},
                {"host", options.host},
                {"port", options.result_port},
                {"task_port", options.task_port},
                {"advertised_host", advertised},
                {"work_dir", options.work_dir},
                {"tasks", options.tasks},
                {"memory_bytes", options.memory_bytes_max},
                {"heartbeat_seconds", options.heartbeat.count()}},
               log);
}

}  // namespace weir::engine
