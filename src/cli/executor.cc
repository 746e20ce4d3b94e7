#include "cli/executor.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <ostream>
#include <thread>

#include "app/part_worker.h"
#include "cli/cluster_arguments.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "config/quantity.h"
#include "engine/cluster.h"

namespace weir::cli {

int executor(const GlobalOptions& global, const ExecutorCommandOptions& options, const Environment& environment) {
  const auto listen = listen_argument(options.listen, environment);
  const auto scheduler = scheduler_argument(options.scheduler, environment);
  const auto heartbeat = seconds_argument("--heartbeat", options.heartbeat, environment);
  const auto memory = parse_size(options.memory);
  if (!memory.ok()) environment.err << "weir: --memory " << options.memory << ": " << memory.status().message() << "\n";
  if (!listen || !scheduler || !heartbeat || !memory.ok()) return kWrongUsage;
  const uint32_t task_port = options.task_port != 0 ? options.task_port : uint32_t{listen->port} + 1;
  if (task_port == listen->port || task_port > UINT16_MAX) {
    environment.err << "weir: --task-port " << task_port << ": must be a port other than that of --listen\n";
    return kWrongUsage;
  }
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  const auto engine = engine::Engine::open({});
  if (!engine.ok()) return report_failure(engine.status(), environment);
  const uint32_t tasks = options.tasks != 0 ? options.tasks : std::max(1u, std::thread::hardware_concurrency());
  app::PartWorker worker(**engine, *log);
  const Status served = engine::serve_executor(
      **engine,
      {.scheduler_host = scheduler->host,
       .scheduler_port = scheduler->port,
       .host = listen->host,
       .result_port = listen->port,
       .task_port = static_cast<uint16_t>(task_port),
       .advertised_host = options.advertise,
       .work_dir = options.work_dir.empty() ? std::filesystem::temp_directory_path().string() : options.work_dir,
       .tasks = tasks,
       .memory_bytes_max = *memory,
       .heartbeat = *heartbeat},
      [&](const std::string& spec, const std::string& part, const std::function<bool()>& stopped) {
        return worker.work(spec, part, stopped);
      },
      *log);
  return served.ok() ? kDone : report_failure(served, environment);
}

CommandBody declare_executor(CLI::App& app) {
  auto options = std::make_shared<ExecutorCommandOptions>();
  app.add_option("--scheduler", options->scheduler, "The scheduler to work for")->capture_default_str();
  app.add_option("--listen", options->listen, "Address from which others fetch results")->capture_default_str();
  app.add_option("--task-port", options->task_port, "Port for tasks [the one after that of --listen]");
  app.add_option("--advertise", options->advertise, "Host under which others reach this executor");
  app.add_option("--work-dir", options->work_dir, "Where a folder for shuffles and results is made and, at the end, removed [that for temporary files]");
  app.add_option("--tasks", options->tasks, "Tasks at a time [one per core]")->check(CLI::Range(1, 4096));
  app.add_option("--memory", options->memory, "Memory of all tasks, beyond which they spill")->capture_default_str();
  app.add_option("--heartbeat", options->heartbeat, "How often it tells the scheduler that it lives")->capture_default_str();
  return [options](const GlobalOptions& global, const Environment& environment) {
    return executor(global, *options, environment);
  };
}

}  // namespace weir::cli
