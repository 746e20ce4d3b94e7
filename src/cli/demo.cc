#include "cli/demo.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <memory>
#include <ostream>
#include <thread>

#include "app/demo_events.h"
#include "app/pipeline_run.h"
#include "cli/demo_publisher.h"
#include "cli/demo_report.h"
#include "cli/demo_trino.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "nats/stream_admin.h"
#include "process/child_process.h"

namespace weir::cli {
namespace {

/// The folder of the demo; a temporary one goes with it.
class DemoFolder {
 public:
  explicit DemoFolder(const std::string& wanted) : temporary_(wanted.empty()) {
    path_ = temporary_ ? std::filesystem::temp_directory_path() / ("weir-demo-" + std::to_string(::getpid()))
                       : std::filesystem::absolute(wanted);
    std::filesystem::create_directories(path_, error_);
  }
  ~DemoFolder() {
    std::error_code ignored;
    if (temporary_) std::filesystem::remove_all(path_, ignored);
  }
  DemoFolder(const DemoFolder&) = delete;
  DemoFolder& operator=(const DemoFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] const std::error_code& error() const { return error_; }

 private:
  const bool temporary_;
  std::filesystem::path path_;
  std::error_code error_;
};

Status create_streams(const nats::Connection& connection) {
  WEIR_ASSIGN_OR_RETURN(const auto admin, nats::StreamAdmin::open(connection));
  WEIR_RETURN_IF_ERROR(admin.create({.name = "FLIGHTS", .subjects = {"flights.>"}}));
  return admin.create({.name = "WEATHER", .subjects = {"weather.>"}});
}

bool caught_up(const StatusSnapshot& status, const Published& published) {
  if (!published.done || status.tables.size() != 2) return false;
  for (const TableStatus& table : status.tables) {
    const int64_t end = table.name == "flights" ? published.flights : published.weather;
    const weir::ShardStatus& shard = table.shards.front();
    if (shard.lake_position < end || shard.hot_position.value_or(0) < end) return false;
  }
  return true;
}

int64_t rows_of_flights(const StatusSnapshot& status) {
  for (const TableStatus& table : status.tables) {
    if (table.name == "flights") return table.shards.front().totals.rows;
  }
  return 0;
}

void print_next_steps(const std::filesystem::path& file, bool serve, std::ostream& out) {
  out << "\nWhat to try next\n";
  if (serve) {
    out << "  weir status " << file.string() << " --watch\n  weir query " << file.string()
        << " \"SELECT dest, count(*) FROM flights GROUP BY dest ORDER BY 2 DESC LIMIT 10\"\n  weir dead-letters "
        << file.string() << " list\n";
  } else {
    out << "  weir demo --serve            the same, and stay up: status page, queries, weir status --watch\n"
           "  weir check docs/examples/flights.toml   what a pipeline file leads to in each store\n"
           "  docs/getting-started.md      a pipeline for a stream of your own\n";
  }
}

Status run_demo(const GlobalOptions& global, const DemoOptions& options, const Environment& environment,
                const std::filesystem::path& folder, bool* fits) {
  WEIR_ASSIGN_OR_RETURN(const auto data, app::demo_data_folder());
  const auto file = folder / "pipeline.toml";
  int trino_port = 0;
  if (options.trino) {
    WEIR_ASSIGN_OR_RETURN(trino_port, free_port());
  }
  std::ofstream(file) << app::demo_pipeline_file(folder, options.port, trino_port);
  WEIR_ASSIGN_OR_RETURN(OpenedFile opened, open_pipeline_file(file.string(), environment));
  opened.engine.reset();
  const auto log = Logger::to_stderr(
      {.level = std::max(global.log_level, LogLevel::kWarn), .format = global.log_format}, system_clock());
  MetricsRegistry metrics;
  Published published;
  FreshnessSamples freshness;
  ProgressLine progress;
  std::atomic<bool> complete{false};
  std::atomic<bool> failed{false};
  app::RunOptions run_options;
  run_options.stopping = [&] { return stop_signal_came() || complete || failed; };
  run_options.visible = [&](bool hot, double seconds) {
    if (published.paced && !published.done) freshness.add(hot, seconds);
  };
  run_options.progress = [&](const StatusSnapshot& status) {
    progress.show(status);
    if (!options.serve && caught_up(status, published)) complete = true;
  };
  environment.err << "weir demo: starting embedded NATS and ClickHouse in " << folder.string() << "\n";
  WEIR_ASSIGN_OR_RETURN(const auto run, app::PipelineRun::open(opened.config, {*log, metrics, system_clock()}, run_options));
  WEIR_RETURN_IF_ERROR(create_streams(*run->services().nats));
  std::unique_ptr<DemoTrino> trino;
  if (options.trino) {
    environment.err << "weir demo: starting Trino, half a minute\n";
    WEIR_ASSIGN_OR_RETURN(trino, DemoTrino::start(opened.config, *run, folder / "trino", trino_port));
  }
  environment.err << "weir demo: status page at http://127.0.0.1:" << run->http_port() << "/\n";
  Status publishing;
  std::jthread publisher([&](const std::stop_token& stop) {
    publishing = publish_demo(*run->services().nats, data, options.flights, &published, stop);
    if (!publishing.ok()) failed = true;
    while (options.serve && publishing.ok() && !stop.stop_requested() && !caught_up(run->snapshot(), published)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    if (!options.serve || !publishing.ok() || stop.stop_requested()) return;
    progress.finish();
    const auto report = print_demo_report(opened.config, *run, published, freshness, environment.out);
    *fits = report.ok() && *report;
    if (trino) *fits = trino->print(rows_of_flights(run->snapshot()), environment.out) && *fits;
    print_next_steps(file, true, environment.out);
    environment.out << "\nStaying up; Ctrl-C ends it.\n" << std::flush;
  });
  const Status ran = run->run();
  publisher.request_stop();
  publisher.join();
  progress.finish();
  WEIR_RETURN_IF_ERROR(ran);
  if (!publishing.ok() && publishing.code() != StatusCode::kShuttingDown) return publishing;
  if (options.serve) return ok_status();
  if (!complete) return unavailable("interrupted before both stores had caught up");
  WEIR_ASSIGN_OR_RETURN(*fits, print_demo_report(opened.config, *run, published, freshness, environment.out));
  if (trino) *fits = trino->print(rows_of_flights(run->snapshot()), environment.out) && *fits;
  print_next_steps(file, false, environment.out);
  return ok_status();
}

}  // namespace

int demo(const GlobalOptions& global, const DemoOptions& options, const Environment& environment) {
  catch_stop_signals();
  const DemoFolder folder(options.data_dir);
  if (folder.error()) {
    environment.err << "weir demo: cannot make " << folder.path().string() << ": " << folder.error().message() << "\n";
    return kFailed;
  }
  bool fits = false;
  const Status status = run_demo(global, options, environment, folder.path(), &fits);
  if (!status.ok()) return report_failure(status, environment);
  if (!fits) environment.err << "weir demo: the stores do not hold what was published\n";
  return fits ? kDone : kFailed;
}

CommandBody declare_demo(CLI::App& app) {
  auto options = std::make_shared<DemoOptions>();
  app.add_option("--data-dir", options->data_dir, "Keep everything in this folder (default: a temporary one)");
  app.add_option("--flights", options->flights, "Publish at most this many flights")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--port", options->port, "Port of the status page; 0: any free one")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535));
  app.add_flag("--trino", options->trino, "Show the tables through a real Trino too (`make setup-trino` installs it)");
  app.add_flag("--serve", options->serve, "Stay up afterwards");
  return [options](const GlobalOptions& global, const Environment& environment) {
    return demo(global, *options, environment);
  };
}

}  // namespace weir::cli
