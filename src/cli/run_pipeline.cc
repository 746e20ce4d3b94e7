#include "cli/run_pipeline.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <ostream>

#include "app/pipeline_run.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "config/pipeline_file.h"

namespace weir::cli {
namespace {

// The file as it is now; empty, and said why, when it cannot be taken.
std::optional<PipelineConfig> read_again(const std::string& path, const engine::Engine& engine, Logger& log) {
  log.info("SIGHUP: reading the pipeline file again", {{"file", path}});
  ParsedPipelineFile parsed = load_pipeline_file(path);
  Status status = to_status(parsed.errors);
  if (status.ok()) status = app::resolve_plans(engine, &*parsed.config);
  if (status.ok()) return std::move(parsed.config);
  log.error("the changed pipeline file is not valid; what runs goes on as it is", {{"reason", status.message()}});
  return std::nullopt;
}

}  // namespace

int run_pipeline(const GlobalOptions& global, const RunPipelineOptions& options, const Environment& environment) {
  auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  opened->engine.reset();  // The run opens its own; only the plans were needed.
  if (!options.shard.empty() && options.shard != "0/1") {
    environment.err << "weir run: --shard " << options.shard << ": tables have one shard; only 0/1 can be run\n";
    return kWrongUsage;
  }
  catch_stop_signals();
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  MetricsRegistry metrics;
  const app::Telemetry telemetry{.log = *log, .metrics = metrics, .clock = system_clock()};
  ProgressLine progress;
  app::RunOptions run_options;
  run_options.until_caught_up = options.until_caught_up;
  run_options.accept_gap = options.accept_gap;
  run_options.stopping = stop_signal_came;
  run_options.progress = [&](const StatusSnapshot& snapshot) { progress.show(snapshot); };
  std::unique_ptr<app::PipelineRun>* running = nullptr;
  run_options.reload = [&]() -> std::optional<PipelineConfig> {
    if (!take_reload_signal()) return std::nullopt;
    return read_again(options.file, *(*running)->services().engine, *log);
  };
  auto run = app::PipelineRun::open(opened->config, telemetry, run_options);
  if (!run.ok()) return report_failure(run.status(), environment);
  running = &*run;
  catch_reload_signal();
  const Status status = (*run)->run();
  progress.finish();
  if (!status.ok()) return report_failure(status, environment);
  return kDone;
}

CommandBody declare_run(CLI::App& app) {
  auto options = std::make_shared<RunPipelineOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("--shard", options->shard, "Run shard i of n only, written i/n");
  app.add_flag("--until-caught-up", options->until_caught_up,
               "End once both stores hold everything the stream held at the start");
  app.add_flag("--accept-gap", options->accept_gap,
               "Give up events that the stream no longer has, record them as a gap for good, and go on behind it");
  return [options](const GlobalOptions& global, const Environment& environment) {
    return run_pipeline(global, *options, environment);
  };
}

}  // namespace weir::cli
