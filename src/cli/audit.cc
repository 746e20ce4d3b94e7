#include "cli/audit.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "app/audit_heal.h"
#include "app/audit_run.h"
#include "cli/audit_report.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/signals.h"

namespace weir::cli {
namespace {

app::AuditRunOptions run_options(const AuditOptions& options, std::ostream& err) {
  app::AuditRunOptions run;
  run.table = options.table;
  if (options.from_seq >= 0) run.from_seq = Seq{options.from_seq};
  if (options.to_seq >= 0) run.to_seq = Seq{options.to_seq};
  run.stream = !options.no_stream;
  if (::isatty(STDERR_FILENO) == 1) {
    run.progress = [&err](const std::string& what) { err << "\r\033[K" << what << std::flush; };
  }
  return run;
}

// What a heal leaves alone, and why.
void explain_refusals(const audit::TableReport& report, const AuditOptions& options, std::ostream& err) {
  for (const audit::Finding& finding : report.log.findings()) {
    if (finding.kind == audit::FindingKind::kMissing && finding.store == audit::StoreName::kClickHouse) continue;
    err << report.table << ": not healed: " << describe(finding) << "\n  next: " << next_step(finding, options.file) << "\n";
  }
}

const TableSection* section_of(const PipelineConfig& config, const std::string& table) {
  for (const TableSection& section : config.tables) {
    if (section.plan.table == table) return &section;
  }
  return nullptr;
}

// Fills what ClickHouse lacks of one table. True: something was inserted.
Result<bool> heal(const OpenedFile& opened, const audit::TableReport& report, const AuditOptions& options,
                  const GlobalOptions& global, const Environment& environment) {
  explain_refusals(report, options, environment.err);
  const auto predicate = app::heal_predicate(report);
  const TableSection* section = section_of(opened.config, report.table);
  if (!predicate || section == nullptr) return false;
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  MetricsRegistry metrics;
  WEIR_ASSIGN_OR_RETURN(
      const auto outcome,
      app::heal_table(*opened.engine, opened.config, *section, *predicate,
                      {.log = *log, .metrics = metrics, .clock = system_clock()}, {.stopping = stop_signal_came, .progress = {}}));
  const backfill::JobRecord& job = outcome.job;
  environment.err << report.table << ": backfill " << job.spec.number << " is " << to_string(job.state()) << ", "
                  << job.progress.rows << " rows looked at and true in ClickHouse\n";
  if (job.state() == backfill::JobState::kDone) return true;
  return unavailable("table " + report.table + ": " +
                     (job.progress.last_error.empty() ? "the backfill did not end; weir backfill " + options.file +
                                                            " --table " + report.table + " --to clickhouse --resume goes on"
                                                      : job.progress.last_error));
}

}  // namespace

int audit(const GlobalOptions& global, const AuditOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const app::AuditRunOptions run = run_options(options, environment.err);
  auto reports = app::run_audit(*opened->engine, opened->config, run);
  if (run.progress) environment.err << "\r\033[K" << std::flush;
  if (!reports.ok()) return report_failure(reports.status(), environment);
  if (options.heal) {
    catch_stop_signals();
    bool inserted = false;
    for (const audit::TableReport& report : *reports) {
      const auto healed = heal(*opened, report, options, global, environment);
      if (!healed.ok()) return report_failure(healed.status(), environment);
      inserted = inserted || *healed;
    }
    // What counts is what is there now.
    if (inserted) reports = app::run_audit(*opened->engine, opened->config, run);
    if (run.progress) environment.err << "\r\033[K" << std::flush;
    if (!reports.ok()) return report_failure(reports.status(), environment);
  }
  if (global.json) {
    environment.out << audit_json(*reports, options.file) << "\n";
  } else {
    print_audit(*reports, options.file, environment.out);
  }
  return std::ranges::all_of(*reports, &audit::TableReport::clean) ? kDone : kDifference;
}

CommandBody declare_audit(CLI::App& app) {
  auto options = std::make_shared<AuditOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("--table", options->table, "Only this table");
  app.add_option("--from-seq", options->from_seq, "Only from this _seq on")->check(CLI::NonNegativeNumber);
  app.add_option("--to-seq", options->to_seq, "Only up to this _seq")->check(CLI::NonNegativeNumber);
  app.add_flag("--no-stream", options->no_stream, "Do not read again what the stream still holds");
  app.add_flag("--heal", options->heal, "Insert what ClickHouse lacks, then audit again");
  return [options](const GlobalOptions& global, const Environment& environment) {
    return audit(global, *options, environment);
  };
}

}  // namespace weir::cli
