#include "cli/scheduler.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "cli/cluster_arguments.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "engine/cluster.h"

namespace weir::cli {
namespace {

std::string reachable_as(const std::string& listen) {
  if (listen != "0.0.0.0" && listen != "::") return listen;
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

}  // namespace

int scheduler(const GlobalOptions& global, const SchedulerCommandOptions& options, const Environment& environment) {
  const auto listen = listen_argument(options.listen, environment);
  const auto timeout = seconds_argument("--executor-timeout", options.executor_timeout, environment);
  if (!listen || !timeout) return kWrongUsage;
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  const auto engine = engine::Engine::open({});
  if (!engine.ok()) return report_failure(engine.status(), environment);
  const Status served = engine::serve_scheduler(
      **engine,
      {.host = listen->host,
       .port = listen->port,
       .advertised_host = options.advertise.empty() ? reachable_as(listen->host) : options.advertise,
       .executor_timeout = *timeout},
      *log);
  return served.ok() ? kDone : report_failure(served, environment);
}

CommandBody declare_scheduler(CLI::App& app) {
  auto options = std::make_shared<SchedulerCommandOptions>();
  app.add_option("--listen", options->listen, "Address for executors and clients")->capture_default_str();
  app.add_option("--advertise", options->advertise, "Host under which executors reach it [that of --listen]");
  app.add_option("--executor-timeout", options->executor_timeout, "A silent executor counts as lost after this")
      ->capture_default_str();
  return [options](const GlobalOptions& global, const Environment& environment) {
    return scheduler(global, *options, environment);
  };
}

}  // namespace weir::cli
