#include "cli/audit.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <ostream>

#include "app/audit_run.h"
#include "cli/audit_report.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"

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

}  // namespace

int audit(const GlobalOptions& global, const AuditOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const app::AuditRunOptions run = run_options(options, environment.err);
  const auto reports = app::run_audit(*opened->engine, opened->config, run);
  if (run.progress) environment.err << "\r\033[K" << std::flush;
  if (!reports.ok()) return report_failure(reports.status(), environment);
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
  return [options](const GlobalOptions& global, const Environment& environment) {
    return audit(global, *options, environment);
  };
}

}  // namespace weir::cli
