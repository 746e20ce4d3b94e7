#include "cli/backfill.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "cli/exit_code.h"

namespace weir::cli {
namespace {

// What the options ask for; exactly one kind, or the reason why not.
int backfill(const GlobalOptions& global, const BackfillOptions& options, const Environment& environment) {
  const int sources = (options.from_stream ? 1 : 0) + (options.from_files.empty() ? 0 : 1) + (options.into.empty() ? 0 : 1);
  if (options.to == "clickhouse") {
    if (sources == 0) return backfill_clickhouse(global, options, environment);
    environment.err << "weir backfill: --to clickhouse takes its rows from the lake; bring them there first with --to lake\n";
    return kWrongUsage;
  }
  if (options.list || options.pause || options.cancel) {
    environment.err << "weir backfill: --list, --pause and --cancel belong to --to clickhouse\n";
    return kWrongUsage;
  }
  if (sources != 1) {
    environment.err << "weir backfill: --to lake needs one of --from-stream, --from-files GLOB, --into TABLE\n";
    return kWrongUsage;
  }
  if (!options.where.empty() || !options.partitions.empty()) {
    environment.err << "weir backfill: --where and --partition belong to --to clickhouse\n";
    return kWrongUsage;
  }
  if (options.from_stream) return backfill_from_stream(global, options, environment);
  if (options.into.empty()) return backfill_from_files(global, options, environment);
  return backfill_into_table(global, options, environment);
}

}  // namespace

const char* clickhouse_only_option(const BackfillOptions& options) {
  if (options.oldest_first) return "--oldest-first";
  if (options.skip_ahead) return "--skip-ahead";
  if (options.rows_per_second) return "--rows-per-second";
  return options.parallelism > 0 ? "--parallelism" : nullptr;
}

CommandBody declare_backfill(CLI::App& app) {
  auto options = std::make_shared<BackfillOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_option("--table", options->table, "The table whose history it is")->required();
  app.add_option("--to", options->to, "The store to fill")->required()->check(CLI::IsMember({"clickhouse", "lake"}));
  app.add_option("--where", options->where, "Only rows for which this SQL predicate holds");
  app.add_option("--partition", options->partitions, "Only this partition: column=value; may be repeated");
  app.add_flag("--from-stream", options->from_stream, "Fill a new table from what the stream still holds");
  auto* files = app.add_option("--from-files", options->from_files, "Load the files of a glob, each once");
  app.add_option("--format", options->format, "Form of the files")->check(CLI::IsMember({"parquet", "csv", "json"}))->needs(files);
  files->needs(app.get_option("--format"));
  auto* into = app.add_option("--into", options->into, "Derive this table from the rows of --table");
  app.add_option("--sql", options->sql, "SQL of the derived table over `input`")->needs(into);
  app.add_flag("--dry-run", options->dry_run, "Print what would be done and change nothing");
  auto* resume = app.add_flag("--resume", options->resume, "Go on with the unfinished backfill of the table");
  auto* list = app.add_flag("--list", options->list, "Show the backfills of the table into ClickHouse");
  auto* pause = app.add_flag("--pause", options->pause, "Have the backfill into ClickHouse wait until --resume");
  auto* cancel = app.add_flag("--cancel", options->cancel, "Give the backfill into ClickHouse up; its rows stay");
  for (auto* one : {resume, list, pause, cancel}) {
    for (auto* other : {resume, list, pause, cancel}) {
      if (one != other) one->excludes(other);
    }
  }
  app.add_flag("--oldest-first", options->oldest_first, "Oldest rows first instead of newest");
  app.add_flag("--skip-ahead", options->skip_ahead, "Let live events through at once and backfill the backlog");
  app.add_option("--parallelism", options->parallelism, "Ranges in work at a time; 0: one per core, half as many beside live events")
      ->capture_default_str()
      ->check(CLI::Range(0, 64));
  app.add_option("--rows-per-second", options->rows_per_second, "At most this many; 0: as many as possible")
      ->check(CLI::NonNegativeNumber);
  return [options](const GlobalOptions& global, const Environment& environment) {
    return backfill(global, *options, environment);
  };
}

}  // namespace weir::cli
