#include "cli/run.h"

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <string>
#include <vector>

#include "app/version.h"
#include "cli/audit.h"
#include "cli/backfill.h"
#include "cli/check.h"
#include "cli/dead_letters.h"
#include "cli/demo.h"
#include "cli/erase.h"
#include "cli/executor.h"
#include "cli/exit_code.h"
#include "cli/maintain.h"
#include "cli/query.h"
#include "cli/run_pipeline.h"
#include "cli/scheduler.h"
#include "cli/status.h"
#include "cli/trino.h"
#include "engine/sql_plan.h"

namespace weir::cli {
namespace {

constexpr std::array kCommands = {
    Command{"demo", "See it work: real flight data through embedded NATS, lake and ClickHouse", declare_demo},
    Command{"run", "Run a pipeline", declare_run},
    Command{"check", "Validate a pipeline file offline and print the schemas it leads to", declare_check},
    Command{"status", "Show positions, lag, rates, dead letters and modes, also when nothing runs", declare_status},
    Command{"query", "Run SQL over the lake", declare_query},
    Command{"audit", "Prove that stream, lake and ClickHouse agree, or name where they do not", declare_audit},
    Command{"backfill", "Bring history into ClickHouse or into the lake", declare_backfill},
    Command{"trino", "Files for a Trino server; bring its views up to date once", declare_trino},
    Command{"maintain", "Compact, checkpoint and clean up the lake's tables", declare_maintain},
    Command{"erase", "Delete rows from both stores for good, on record", declare_erase},
    Command{"dead-letters", "List and show rejected events", declare_dead_letters},
    Command{"scheduler", "Serve as the Ballista scheduler of a cluster", declare_scheduler},
    Command{"executor", "Serve as a Ballista executor of a cluster", declare_executor},
};

// What --log-level and --log-format were given, as text, until CLI11 has checked it.
struct LogTexts {
  std::string level = "info";
  std::string format = "text";
};

void declare_global_options(CLI::App& app, GlobalOptions* options, LogTexts* log) {
  app.add_flag("--json", options->json, "Print results as JSON");
  app.add_option("--log-level", log->level, "Lowest level that is logged")
      ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
      ->capture_default_str();
  app.add_option("--log-format", log->format, "Form of log lines")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  app.set_version_flag("--version", "weir " + std::string(app::kVersion));
}

// The engine starts with the first SQL to compile: most commands need none here.
SqlChecker lazy_sql_checker() {
  return [engine =
              std::shared_ptr<engine::Engine>()](const Plan& plan) mutable -> Result<std::shared_ptr<arrow::Schema>> {
    if (engine == nullptr) {
      WEIR_ASSIGN_OR_RETURN(engine, engine::Engine::open({}));
    }
    WEIR_ASSIGN_OR_RETURN(const auto compiled, engine::SqlPlan::compile(*engine, input_arrow_schema(plan), plan.sql));
    return compiled->output_schema();
  };
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

int run(int argc, char** argv) {
  return run(commands(), Environment{.out = std::cout, .err = std::cerr, .check_sql = lazy_sql_checker()}, argc, argv);
}

int run(std::span<const Command> commands, const Environment& environment, int argc, const char* const* argv) {
  CLI::App app(
      "Weir carries events from NATS JetStream into a Delta lake and into ClickHouse, each exactly once in each.",
      "weir");
  GlobalOptions options;
  LogTexts log;
  declare_global_options(app, &options, &log);
  app.fallthrough();
  app.require_subcommand(1);
  std::vector<std::pair<CLI::App*, CommandBody>> declared;
  for (const Command& command : commands) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    CommandBody body = command.declare(*sub);
    declared.emplace_back(sub, std::move(body));
  }
  try {
    app.parse(argc, argv);
    options.log_level = parse_log_level(log.level).value();
    options.log_format = parse_log_format(log.format).value();
  } catch (const CLI::ParseError& error) {
    // Asking for help or the version is no error; everything else is one kind of wrong usage.
    return app.exit(error, environment.out, environment.err) == 0 ? kDone : kWrongUsage;
  }
  for (const auto& [sub, body] : declared) {
    if (!sub->parsed()) continue;
    const int code = body(options, environment);
    if (environment.out.flush() || code != kDone) return code;
    environment.err << "weir: the result could not be written to standard output\n";
    return kFailed;
  }
  return kWrongUsage;
}

}  // namespace weir::cli
