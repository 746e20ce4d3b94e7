#include "cli/query.h"

#include <arrow/record_batch.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/lake_reader.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/result_printer.h"

namespace weir::cli {

int query(const GlobalOptions& global, const QueryOptions& options, const Environment& environment) {
  auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  auto reader = app::query_lake(*opened->engine, opened->config, options.sql);
  if (!reader.ok()) {
    environment.err << "weir query: " << reader.status().message() << "\n";
    return exit_code(reader.status());
  }
  const std::string format = global.json ? "json" : options.format;
  const Status printed = print_result(**reader, format, environment.out);
  return printed.ok() ? kDone : report_failure(printed, environment);
}

CommandBody declare_query(CLI::App& app) {
  auto options = std::make_shared<QueryOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("SQL", options->sql, "A query over the tables of the lake")->required();
  app.add_option("--format", options->format, "Form of the result")
      ->check(CLI::IsMember({"table", "csv", "json", "arrow"}))
      ->capture_default_str();
  return [options](const GlobalOptions& global, const Environment& environment) {
    return query(global, *options, environment);
  };
}

}  // namespace weir::cli
