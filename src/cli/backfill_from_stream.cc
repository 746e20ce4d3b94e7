#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/stream_fill.h"
#include "backfill/progress.h"
#include "cli/backfill.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"

namespace weir::cli {
namespace {

std::string sequences(SeqRange range) { return grouped(range.first.value) + ".." + grouped(range.last.value); }

void print_plan(const GlobalOptions& global, const std::string& table, const app::StreamFillPlan& plan, std::ostream& out) {
  if (global.json) {
    out << nlohmann::ordered_json{{"table", table},
                                  {"stream", plan.stream.name},
                                  {"stream_messages", plan.stream.messages},
                                  {"stream_bytes", plan.stream.bytes},
                                  {"table_exists", plan.table_exists},
                                  {"rows", plan.counts.rows()},
                                  {"first_seq", plan.range.first.value},
                                  {"last_seq", plan.range.last.value},
                                  {"sequences", plan.range.length()}}
               .dump()
        << "\n";
    return;
  }
  out << "stream " << plan.stream.name << " holds " << grouped(plan.stream.messages) << " messages, "
      << grouped(plan.stream.bytes) << " bytes\n";
  if (plan.table_exists) {
    out << "table " << table << " exists: " << grouped(plan.counts.rows()) << " rows, everything up to sequence "
        << grouped((plan.range.first - 1).value) << "\n";
  } else {
    out << "table " << table << " does not exist yet\n";
  }
  if (plan.range.empty()) {
    out << "nothing is left to fill\n";
  } else {
    out << "sequences " << sequences(plan.range) << " would be read\n";
  }
}

void print_report(const GlobalOptions& global, const std::string& table, const app::StreamFillReport& report,
                  std::ostream& out) {
  if (global.json) {
    out << nlohmann::ordered_json{{"table", table},
                                  {"rows", report.counts.rows()},
                                  {"filtered", report.counts.filtered},
                                  {"dead_letters", report.counts.rejects},
                                  {"position", report.position.value},
                                  {"live_from", report.position.value + 1}}
               .dump()
        << "\n";
    return;
  }
  out << table << ": " << grouped(report.counts.rows()) << " rows, " << grouped(report.counts.filtered) << " filtered, "
      << grouped(report.counts.rejects) << " dead letters; everything up to sequence " << grouped(report.position.value)
      << " is in the lake\n"
      << "live goes on at sequence " << report.position.value + 1 << ": put " << table
      << " into the file of the running process (`weir run` picks it up at its start, or on SIGHUP)\n";
}

int fill(const GlobalOptions& global, const BackfillOptions& options, const OpenedFile& opened,
         const Environment& environment) {
  catch_stop_signals();
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  MetricsRegistry metrics;
  const app::Telemetry telemetry{.log = *log, .metrics = metrics, .clock = system_clock()};
  ProgressLine line;
  backfill::ProgressMeter meter;
  auto filling = app::StreamFill::open(opened.config, options.table, telemetry,
                                       {.stopping = stop_signal_came, .progress = [&](const backfill::Progress& progress) {
                                          meter.take(progress, system_clock().now());
                                          line.show_text(options.table + " " + meter.line());
                                        }});
  if (!filling.ok()) return report_failure(filling.status(), environment);
  const auto report = (*filling)->run();
  line.finish();
  if (report.status().code() == StatusCode::kDataLoss) {
    environment.err << "weir: " << report.status().to_string() << "\nhere that is: weir run " << options.file
                    << " --accept-gap\n";
    return kFailed;
  }
  if (!report.ok()) return report_failure(report.status(), environment);
  print_report(global, options.table, *report, environment.out);
  return kDone;
}

}  // namespace

int backfill_from_stream(const GlobalOptions& global, const BackfillOptions& options, const Environment& environment) {
  if (const char* foreign = clickhouse_only_option(options)) {
    environment.err << "weir backfill: " << foreign << " has no effect with --from-stream; leave it out\n";
    return kWrongUsage;
  }
  auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const auto section = std::find_if(opened->config.tables.begin(), opened->config.tables.end(),
                                    [&](const TableSection& table) { return table.plan.table == options.table; });
  if (section == opened->config.tables.end()) {
    environment.err << "weir backfill: --table " << options.table << ": " << options.file
                    << " has no such table; add its [[table]]\n";
    return kWrongUsage;
  }
  if (!section->from_table.empty()) {
    environment.err << "weir backfill: table " << options.table << " follows table " << section->from_table
                    << "; fill it with --table " << section->from_table << " --into " << options.table << "\n";
    return kWrongUsage;
  }
  if (!opened->config.nats.embedded()) {  // An embedded server does not run yet and has nothing to say.
    const auto plan = app::plan_stream_fill(*opened->engine, opened->config, *section);
    if (!plan.ok()) return report_failure(plan.status(), environment);
    if (options.dry_run) {
      print_plan(global, options.table, *plan, environment.out);
      return kDone;
    }
    if (plan->table_exists) {
      environment.err << "table " << options.table << " exists: " << grouped(plan->counts.rows())
                      << " rows, everything up to sequence " << grouped((plan->range.first - 1).value)
                      << "; filling what is left\n";
    }
  } else if (options.dry_run) {
    environment.err << "weir backfill: --dry-run asks the NATS server, and nats.url = \"embedded\" runs only inside `weir run`\n";
    return kFailed;
  }
  opened->engine.reset();  // The fill opens its own; only the plans were needed.
  return fill(global, options, *opened, environment);
}

}  // namespace weir::cli
