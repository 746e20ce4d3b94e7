#include "cli/query.h"

#include <arrow/record_batch.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <ostream>

#include "app/cluster_access.h"
#include "app/lake_reader.h"
#include "cli/cluster_arguments.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/result_printer.h"
#include "config/quantity.h"

namespace weir::cli {

int query(const GlobalOptions& global, const QueryOptions& options, const Environment& environment) {
  auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  app::LakeTime time{.version = options.version, .unix_ms = {}};
  if (!options.at.empty()) {
    const auto at_us = parse_rfc3339_us(options.at);
    if (!at_us.ok()) {
      environment.err << "weir query: --at " << options.at << ": " << at_us.status().message() << "\n";
      return kWrongUsage;
    }
    time.unix_ms = *at_us / 1000;
  }
  std::optional<engine::Cluster> cluster;
  if (options.engine == "ballista") {
    const std::string& scheduler = opened->config.engine.scheduler;
    if (scheduler.empty()) {
      environment.err << "weir query: --engine ballista: the pipeline file has no engine.scheduler; add\n"
                         "  [engine]\n  scheduler = \"http://host:port\"\n";
      return kWrongUsage;
    }
    const auto timeout = seconds_argument("--timeout", options.timeout, environment);
    if (!timeout) return kWrongUsage;
    auto found = app::open_cluster(scheduler, *timeout);
    if (!found.ok()) return report_failure(found.status(), environment);
    cluster = std::move(*found);
  }
  std::vector<app::ReadVersion> versions;
  auto reader = app::query_lake(*opened->engine, opened->config, options.sql, time, &versions,
                                cluster ? &*cluster : nullptr);
  for (const app::ReadVersion& read : versions) environment.err << read.table << " at version " << read.version << "\n";
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
  auto* version = app.add_option("--version", options->version, "Read this version of the tables in the SQL");
  version->check(CLI::NonNegativeNumber);
  app.add_option("--at", options->at, "Read the tables as they were at this time, 2026-01-31T06:00:00Z")->excludes(version);
  app.add_option("--engine", options->engine, "Where it runs: local, in this process; ballista, on the cluster of engine.scheduler")
      ->check(CLI::IsMember({"local", "ballista"}))
      ->capture_default_str();
  app.add_option("--timeout", options->timeout, "A query on a cluster that takes longer is cancelled")->capture_default_str();
  return [options](const GlobalOptions& global, const Environment& environment) {
    return query(global, *options, environment);
  };
}

}  // namespace weir::cli
