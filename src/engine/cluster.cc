#include "engine/cluster.h"

#include <weir_engine.h>

#include <algorithm>
#include <atomic>
#include <exception>
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

int32_t work_on(void* context, const char* spec, const char* part, bool (*stopped)(const void*), const void* task,
                char* message, size_t message_size) noexcept {
  Status done;
  try {
    done = (*static_cast<const PartWork*>(context))(spec, part, [&] { return stopped(task); });
  } catch (const std::exception& e) {
    done = internal_error(e.what());
  }
  const std::string text = done.to_string().substr(0, message_size - 1);
  std::copy_n(text.c_str(), text.size() + 1, message);
  return static_cast<int32_t>(done.code());
}

Status serve(const Engine& engine, const char* role, const nlohmann::json& options, const weir_worker* worker, Logger& log) {
  g_log = &log;
  CallOutcome outcome;
  weir_cluster_serve(engine.handle(), role, options.dump().c_str(), worker, pass_on, outcome.out());
  g_log = nullptr;
  return outcome.ok() ? Status() : outcome.status(role);
}

}  // namespace

Status run_parts(const Engine& engine, const Cluster& cluster, const std::string& spec, const std::vector<std::string>& parts,
                 const std::function<bool()>& unwanted) {
  std::vector<const char*> texts;
  for (const std::string& part : parts) texts.push_back(part.c_str());
  const weir_cluster on{.scheduler_url = cluster.scheduler_url.c_str(),
                        .tasks = cluster.tasks,
                        .timeout_seconds = static_cast<uint32_t>(cluster.timeout.count())};
  std::function<bool()> asked = unwanted;
  CallOutcome outcome;
  weir_cluster_run(
      engine.handle(), &on, spec.c_str(), texts.data(), texts.size(),
      [](void* context) { return (*static_cast<const std::function<bool()>*>(context))(); }, &asked, outcome.out());
  return outcome.ok() ? Status() : outcome.status("a job");
}

Status serve_scheduler(const Engine& engine, const SchedulerOptions& options, Logger& log) {
  return serve(engine, "scheduler",
               {{"host", options.host},
                {"port", options.port},
                {"advertised_host", options.advertised_host},
                {"executor_timeout_seconds", options.executor_timeout.count()}},
               nullptr, log);
}

Status serve_executor(const Engine& engine, const ExecutorOptions& options, const PartWork& work, Logger& log) {
  PartWork parts = work;
  const weir_worker worker{.context = &parts, .work = work_on};
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
               work ? &worker : nullptr, log);
}

}  // namespace weir::engine
