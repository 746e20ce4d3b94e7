#include "cli/erase.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/audit_run.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"

namespace weir::cli {
namespace {

void print_outcome(const audit::ErasureOutcome& outcome, const EraseCommandOptions& options, bool in_trino,
                   std::ostream& out) {
  const audit::Erasure& erasure = outcome.erasure;
  if (erasure.number == 0) {
    out << "no row of " << options.table << " matches; nothing was recorded\n";
    return;
  }
  for (const auto& [shard, upto] : erasure.upto) {
    out << "shard " << shard << ": " << grouped(erasure.identities.size(shard)) << " rows, at or below _seq "
        << to_string(upto) << "\n";
  }
  if (options.dry_run) {
    out << "nothing was changed (--dry-run)\n";
    return;
  }
  out << "erasure " << erasure.number << (outcome.resumed ? ", begun before, is finished" : " is done") << ": "
      << grouped(outcome.rows()) << " rows; " << grouped(outcome.lake_rows_deleted) << " deleted from the lake and "
      << grouped(outcome.hot_rows_deleted) << " from ClickHouse just now\n"
      << "Old versions of the lake still hold their bytes until `weir maintain " << options.file
      << "` has vacuumed them. The stream, the dead letters and tables derived from this one are not touched.\n";
  if (in_trino) {
    out << "The view in Trino shows them until weir run publishes it anew; while nothing runs: weir trino "
        << options.file << " refresh\n";
  }
}

std::string outcome_json(const audit::ErasureOutcome& outcome) {
  nlohmann::ordered_json shards = nlohmann::ordered_json::array();
  for (const auto& [shard, upto] : outcome.erasure.upto) {
    shards.push_back({{"shard", shard}, {"rows", outcome.erasure.identities.size(shard)}, {"upto", upto.value}});
  }
  return nlohmann::ordered_json{{"number", outcome.erasure.number},
                                {"rows", outcome.rows()},
                                {"resumed", outcome.resumed},
                                {"done", outcome.erasure.done},
                                {"lake_rows_deleted", outcome.lake_rows_deleted},
                                {"clickhouse_rows_deleted", outcome.hot_rows_deleted},
                                {"shards", std::move(shards)}}
      .dump();
}

}  // namespace

int erase(const GlobalOptions& global, const EraseCommandOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const auto outcome = app::run_erasure(
      *opened->engine, opened->config,
      {.table = options.table, .where = options.where, .reason = options.reason, .dry_run = options.dry_run});
  if (!outcome.ok()) return report_failure(outcome.status(), environment);
  if (global.json) {
    environment.out << outcome_json(*outcome) << "\n";
  } else {
    print_outcome(*outcome, options, opened->config.trino.has_value(), environment.out);
  }
  return kDone;
}

CommandBody declare_erase(CLI::App& app) {
  auto options = std::make_shared<EraseCommandOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("--table", options->table, "The table")->required();
  app.add_option("--where", options->where, "Rows for which this SQL predicate holds")->required();
  app.add_option("--reason", options->reason, "Why; kept on record")->required();
  app.add_flag("--dry-run", options->dry_run, "Count the rows and change nothing");
  return [options](const GlobalOptions& global, const Environment& environment) {
    return erase(global, *options, environment);
  };
}

}  // namespace weir::cli
