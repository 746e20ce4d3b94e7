#include "cli/trino.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/trino_access.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/text_table.h"
#include "trino/catalog_files.h"
#include "trino/client.h"
#include "trino/publisher.h"

namespace weir::cli {
namespace {

using weir::trino::FileOutcome;
using weir::trino::FileReport;
using weir::trino::PublishReport;
using weir::trino::ViewOutcome;
using weir::trino::ViewReport;

std::string to_text(const nlohmann::ordered_json& document) {
  return document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void print_files(const GlobalOptions& global, const std::vector<FileReport>& reports, std::ostream& out) {
  if (global.json) {
    auto files = nlohmann::ordered_json::array();
    for (const FileReport& report : reports) files.push_back({{"file", report.path}, {"outcome", to_string(report.outcome)}});
    out << to_text({{"files", std::move(files)}});
    return;
  }
  TextTable table;
  table.add({"file", "outcome"});
  for (const FileReport& report : reports) table.add({report.path, std::string(to_string(report.outcome))});
  out << table.render();
}

int write_out(const GlobalOptions& global, const TrinoCommandOptions& options, const OpenedFile& opened,
              const Environment& environment) {
  const auto catalogs = app::catalog_options(*opened.engine, opened.config);
  if (!catalogs.ok()) return report_failure(catalogs.status(), environment);
  if (const Status made = app::make_metastore_folder(opened.config); !made.ok()) {
    environment.err << "weir trino: " << made.message() << "; Trino starts only where it is\n";
  }
  const auto reports = weir::trino::write_files(options.out, weir::trino::catalog_files(*catalogs));
  if (!reports.ok()) return report_failure(reports.status().with_context("weir trino"), environment);
  print_files(global, *reports, environment.out);
  int code = kDone;
  for (const FileReport& report : *reports) {
    if (report.outcome != FileOutcome::kKept) continue;
    environment.err << "weir trino: " << options.out << "/" << report.path
                    << " was changed since weir wrote it, so it is left as it is; what weir would write now is in "
                    << report.path << ".new\n";
    code = kFailed;
  }
  return code;
}

void print_views(const GlobalOptions& global, const PublishReport& report, std::ostream& out) {
  if (global.json) {
    auto views = nlohmann::ordered_json::array();
    for (const ViewReport& view : report.views) {
      views.push_back({{"view", view.view}, {"outcome", to_string(view.outcome)}, {"detail", view.detail}});
    }
    out << to_text({{"registered", report.registered}, {"views", std::move(views)}});
    return;
  }
  TextTable table;
  table.add({"view", "outcome", "detail"});
  for (const ViewReport& view : report.views) {
    table.add({"weir." + view.view, std::string(to_string(view.outcome)), view.detail});
  }
  out << table.render();
  if (report.registered > 0) out << "registered " << report.registered << " of the lake's tables\n";
}

int refresh(const GlobalOptions& global, const OpenedFile& opened, const Environment& environment) {
  const PipelineConfig& config = opened.config;
  const auto options = app::trino_options(config);
  if (!options.ok()) return report_failure(options.status(), environment);
  const auto client = weir::trino::Client::open(*options);
  if (!client.ok()) return report_failure(client.status(), environment);
  const auto tables = app::tables_at_rest(*opened.engine, config);
  if (!tables.ok()) return report_failure(tables.status(), environment);
  const auto letters = app::has_dead_letters(*opened.engine, config);
  if (!letters.ok()) return report_failure(letters.status(), environment);
  weir::trino::Publisher publisher(
      **client, system_clock(),
      {.names = app::trino_names(config), .lake_url = config.lake.url, .with_dead_letters = *letters});
  const auto report = publisher.publish(*tables, {});
  if (!report.ok()) {
    return report_failure(report.status().with_context("trino.url = \"" + config.trino->url + "\""), environment);
  }
  print_views(global, *report, environment.out);
  const bool there = !report->any(ViewOutcome::kFailed) && !report->any(ViewOutcome::kEdited) &&
                     !report->any(ViewOutcome::kKept);
  return there ? kDone : kFailed;
}

}  // namespace

int trino(const GlobalOptions& global, const TrinoCommandOptions& options, const Environment& environment) {
  if (options.refresh == !options.out.empty()) {
    environment.err << "weir trino: give --out DIR for the files of a Trino server, or refresh\n";
    return kWrongUsage;
  }
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  if (!opened->config.trino) {
    environment.err << "weir trino: " << options.file << " has no section [trino]; docs/configuration.md shows one\n";
    return kWrongUsage;
  }
  return options.refresh ? refresh(global, *opened, environment) : write_out(global, options, *opened, environment);
}

CommandBody declare_trino(CLI::App& app) {
  auto options = std::make_shared<TrinoCommandOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("--out", options->out, "Write catalogs, rules, SQL and a README for a Trino server to this folder");
  CLI::App* refresh = app.add_subcommand(
      "refresh", "Register the tables and bring the views to where the lake is, once");
  app.callback([options, refresh] { options->refresh = refresh->parsed(); });
  return [options](const GlobalOptions& global, const Environment& environment) {
    return trino(global, *options, environment);
  };
}

}  // namespace weir::cli
