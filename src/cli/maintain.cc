#include "cli/maintain.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <condition_variable>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "app/maintenance.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "cli/text_table.h"
#include "config/quantity.h"
#include "maintain/retention.h"

namespace weir::cli {
namespace {

using weir::maintain::Outcome;
using weir::maintain::Step;
using weir::maintain::StepReport;

constexpr std::chrono::milliseconds kSignalPoll{100};

Result<milliseconds> duration(const std::string& option, const std::string& text) {
  const auto parsed = parse_duration(text);
  if (!parsed.ok()) return parsed.status().with_context(option + " " + text);
  return *parsed;
}

// What was asked for; kInvalidArgument says what to write instead.
Result<weir::maintain::Options> steps_and_limits(const MaintainOptions& given, const PipelineConfig& config) {
  weir::maintain::Options options = app::maintenance_options(config);
  if (!given.only.empty()) options.steps.clear();
  for (const std::string& name : given.only) {
    const auto step = weir::maintain::parse_step(name);
    if (!step) {
      return invalid_argument("--only " + name + ": the steps are compact, checkpoint, clean-log, vacuum, parts");
    }
    options.steps.insert(*step);
  }
  if (!given.retention.empty()) {
    WEIR_ASSIGN_OR_RETURN(options.retention, duration("--retention", given.retention));
  }
  WEIR_ASSIGN_OR_RETURN(options.log_retention, duration("--log-retention", given.log_retention));
  WEIR_ASSIGN_OR_RETURN(options.compaction.closed_after, duration("--closed-after", given.closed_after));
  if (options.retention < weir::maintain::kVacuumFloor && !given.force) {
    return invalid_argument("--retention " + given.retention +
                            ": below 1h a vacuum could delete files of a commit that is under way; add --force when nothing "
                            "writes to this lake");
  }
  options.sort = given.sort;
  options.force = given.force;
  options.dry_run = given.dry_run;
  return options;
}

Result<std::vector<std::string>> chosen_tables(const MaintainOptions& given, const PipelineConfig& config) {
  const std::vector<std::string> known = app::maintained_tables(config);
  for (const std::string& table : given.tables) {
    if (std::ranges::count(known, table) > 0) continue;
    std::string names;
    for (const std::string& name : known) names += (names.empty() ? "" : ", ") + name;
    return invalid_argument("--table " + table + ": the file has " + names);
  }
  return given.tables.empty() ? known : given.tables;
}

std::string size_text(int64_t bytes) {
  if (bytes == 0) return "-";
  return bytes < (1 << 20) ? grouped((bytes + 1023) >> 10) + " KiB" : grouped(bytes >> 20) + " MiB";
}

std::string count_text(int64_t count) { return count == 0 ? "-" : grouped(count); }

void print_text(const std::vector<StepReport>& reports, std::ostream& out) {
  TextTable table;
  table.add({"table", "step", "outcome", "files", "into", "size", "versions", "note"});
  for (const StepReport& report : reports) {
    table.add({report.table, std::string(to_string(report.step)), std::string(to_string(report.outcome)),
               count_text(report.files), count_text(report.files_added), size_text(report.bytes),
               count_text(report.versions), report.note});
  }
  out << table.render();
}

void print_json(const std::vector<StepReport>& reports, bool dry_run, std::ostream& out) {
  nlohmann::json steps = nlohmann::json::array();
  for (const StepReport& report : reports) {
    steps.push_back({{"table", report.table},
                     {"step", to_string(report.step)},
                     {"outcome", to_string(report.outcome)},
                     {"files", report.files},
                     {"files_added", report.files_added},
                     {"bytes", report.bytes},
                     {"versions", report.versions},
                     {"note", report.note}});
  }
  const nlohmann::json document = {{"dry_run", dry_run}, {"steps", steps}};
  out << document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

// Turns a signal into a request to stop, for as long as it lives.
class StopOnSignal {
 public:
  explicit StopOnSignal(std::stop_source& stop)
      : watcher_([&stop](const std::stop_token& done) {
          std::mutex mutex;
          std::condition_variable_any never;
          std::unique_lock lock(mutex);
          while (!done.stop_requested()) {
            if (stop_signal_came()) stop.request_stop();
            never.wait_for(lock, done, kSignalPoll, [] { return false; });
          }
        }) {}

 private:
  std::jthread watcher_;
};

}  // namespace

int maintain(const GlobalOptions& global, const MaintainOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const PipelineConfig& config = opened->config;
  const auto wanted = steps_and_limits(options, config);
  const auto tables = chosen_tables(options, config);
  for (const Status& status : {wanted.status(), tables.status()}) {
    if (status.ok()) continue;
    environment.err << "weir maintain: " << status.message() << "\n";
    return kWrongUsage;
  }
  std::unique_ptr<clickhouse::Client> clickhouse;
  if (config.clickhouse && !config.clickhouse->embedded()) {
    auto client = app::open_clickhouse(config, "");
    if (!client.ok()) return report_failure(client.status(), environment);
    clickhouse = std::move(*client);
  }
  catch_stop_signals();
  std::stop_source stop;
  const StopOnSignal on_signal(stop);
  std::vector<StepReport> reports;
  app::maintain_lake({.engine = *opened->engine, .clock = system_clock(), .clickhouse = clickhouse.get()}, config, *tables,
                     *wanted, stop.get_token(), [&](const StepReport& report) { reports.push_back(report); });
  if (global.json) {
    print_json(reports, options.dry_run, environment.out);
  } else {
    print_text(reports, environment.out);
  }
  if (stop.stop_requested()) environment.err << "weir maintain: stopped early; what was done stays done\n";
  const bool failed = std::ranges::count(reports, Outcome::kFailed, &StepReport::outcome) > 0;
  return failed || stop.stop_requested() ? kFailed : kDone;
}

CommandBody declare_maintain(CLI::App& app) {
  auto options = std::make_shared<MaintainOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("--table", options->tables, "Only these tables; _dead_letters is one")->delimiter(',');
  app.add_option("--only", options->only, "Only these steps: compact, checkpoint, clean-log, vacuum, parts")->delimiter(',');
  app.add_option("--retention", options->retention,
                 "Versions younger than this stay readable; default: maintenance.retention of the file");
  app.add_option("--log-retention", options->log_retention,
                 "Log entries younger than this are kept, and always the newest 1,000")
      ->capture_default_str();
  app.add_option("--closed-after", options->closed_after, "A partition without a new file for this long is closed")
      ->capture_default_str();
  app.add_flag("--sort", options->sort, "Rewrite in z-order of the table's order_by columns");
  app.add_flag("--force", options->force, "Allow a --retention below 1h: only when nothing writes to the lake");
  app.add_flag("--dry-run", options->dry_run, "Print what would be done and change nothing");
  return [options](const GlobalOptions& global, const Environment& environment) {
    return maintain(global, *options, environment);
  };
}

}  // namespace weir::cli
