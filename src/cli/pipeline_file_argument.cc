#include "cli/pipeline_file_argument.h"

#include <ostream>

#include "app/services.h"
#include "cli/exit_code.h"
#include "config/pipeline_file.h"

namespace weir::cli {

Result<OpenedFile> open_pipeline_file(const std::string& path, const Environment& environment) {
  ParsedPipelineFile parsed = load_pipeline_file(path);
  for (const ConfigProblem& warning : parsed.warnings) environment.err << "warning: " << to_string(warning) << "\n";
  for (const ConfigProblem& error : parsed.errors) environment.err << "error: " << to_string(error) << "\n";
  if (!parsed.config) return invalid_argument(path + " is not valid");
  OpenedFile opened{.config = std::move(*parsed.config), .engine = nullptr};
  WEIR_ASSIGN_OR_RETURN(opened.engine, app::open_engine(opened.config));
  if (const Status plans = app::resolve_plans(*opened.engine, &opened.config); !plans.ok()) {
    environment.err << plans.message() << "\n";
    return invalid_argument(path + " is not valid");
  }
  return opened;
}

int report_failure(const Status& status, const Environment& environment) {
  environment.err << "weir: " << status.to_string() << "\n";
  return status.code() == StatusCode::kFenced ? kFenced : kFailed;
}

}  // namespace weir::cli
