#include "cli/check.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cli/exit_code.h"
#include "cli/schema_report.h"
#include "config/pipeline_file.h"
#include "config/reference_page.h"

namespace weir::cli {
namespace {

nlohmann::ordered_json problems_json(const std::vector<ConfigProblem>& problems) {
  auto list = nlohmann::ordered_json::array();
  for (const ConfigProblem& problem : problems) {
    list.push_back(
        {{"file", problem.file}, {"line", problem.line}, {"key", problem.key}, {"message", problem.message}});
  }
  return list;
}

void print_json(const CheckOptions& options, const ParsedPipelineFile& parsed, std::ostream& out) {
  nlohmann::ordered_json report;
  report["file"] = options.file;
  report["valid"] = parsed.errors.empty();
  report["errors"] = problems_json(parsed.errors);
  report["warnings"] = problems_json(parsed.warnings);
  report["tables"] = nlohmann::ordered_json::array();
  if (parsed.errors.empty()) {
    for (const TableSection& table : parsed.config->tables)
      report["tables"].push_back(schema_json(*parsed.config, table));
  }
  out << report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
}

void print_text(const CheckOptions& options, const ParsedPipelineFile& parsed, const Environment& environment) {
  for (const ConfigProblem& warning : parsed.warnings) environment.err << "warning: " << to_string(warning) << "\n";
  for (const ConfigProblem& error : parsed.errors) environment.err << "error: " << to_string(error) << "\n";
  if (!parsed.errors.empty()) {
    environment.err << options.file << " is not valid: " << parsed.errors.size()
                    << (parsed.errors.size() == 1 ? " error\n" : " errors\n");
    return;
  }
  for (const TableSection& table : parsed.config->tables) environment.out << schema_text(*parsed.config, table) << "\n";
  environment.out << options.file << " is valid: " << parsed.config->tables.size()
                  << (parsed.config->tables.size() == 1 ? " table\n" : " tables\n");
}

}  // namespace

int check(const GlobalOptions& global, const CheckOptions& options, const Environment& environment) {
  if (options.print_configuration_reference) {
    environment.out << render_configuration_reference();
    return kDone;
  }
  ParsedPipelineFile parsed = load_pipeline_file(options.file);
  if (parsed.config) parsed.errors = resolve_rows(&*parsed.config, environment.check_sql);
  if (global.json) {
    print_json(options, parsed, environment.out);
  } else {
    print_text(options, parsed, environment);
  }
  return parsed.errors.empty() ? kDone : kWrongUsage;
}

CommandBody declare_check(CLI::App& app) {
  auto options = std::make_shared<CheckOptions>();
  auto* reference = app.add_flag("--print-configuration-reference", options->print_configuration_reference,
                                 "Print every section and key of the pipeline file, as Markdown");
  auto* file = app.add_option("FILE", options->file, "The pipeline file");
  app.callback([file, reference] {
    if (file->empty() && reference->empty()) throw CLI::RequiredError("FILE");
  });
  return [options](const GlobalOptions& global, const Environment& environment) {
    return check(global, *options, environment);
  };
}

}  // namespace weir::cli
