#include "cli/run_pipeline.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/pipeline_run.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"

namespace weir::cli {

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
  auto run = app::PipelineRun::open(opened->config, telemetry, run_options);
  if (!run.ok()) return report_failure(run.status(), environment);
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
