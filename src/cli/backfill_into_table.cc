#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/services.h"
#include "app/table_fill.h"
#include "backfill/progress.h"
#include "cli/backfill.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"

namespace weir::cli {
namespace {

const TableSection* find_table(const PipelineConfig& config, const std::string& name) {
  const auto found =
      std::ranges::find_if(config.tables, [&](const TableSection& table) { return table.plan.table == name; });
  return found == config.tables.end() ? nullptr : &*found;
}

// The derived table as the file has it; or put into `config` as the options describe it. Empty, after err was told why, when
// the two do not agree.
const TableSection* derived_table(const BackfillOptions& options, OpenedFile* opened, std::ostream& err) {
  PipelineConfig& config = opened->config;
  if (find_table(config, options.table) == nullptr) {
    err << "weir backfill: --table " << options.table << ": " << options.file << " has no such table\n";
    return nullptr;
  }
  if (const TableSection* table = find_table(config, options.into)) {
    if (table->from_table != options.table) {
      err << "weir backfill: --into " << options.into << ": in " << options.file << " its rows come from "
          << (table->from_table.empty() ? "stream " + table->stream : "table " + table->from_table) << ", not from table "
          << options.table << "; take another name, or set from_table = \"" << options.table << "\"\n";
      return nullptr;
    }
    if (!options.sql.empty() && options.sql != table->plan.sql) {
      err << "weir backfill: --sql is not the sql that " << options.file << " has for " << options.into
          << "; leave it out, or make the two equal:\n  --sql  " << options.sql << "\n  file   " << table->plan.sql << "\n";
      return nullptr;
    }
    return table;
  }
  if (const Status name = check_name("table", options.into); !name.ok()) {
    err << "weir backfill: --into: " << name.message() << "\n";
    return nullptr;
  }
  if (options.sql.empty()) {
    err << "weir backfill: --into " << options.into << ": " << options.file
        << " has no such table; say with --sql 'SELECT ... FROM input WHERE ...' what it takes of " << options.table << "\n";
    return nullptr;
  }
  TableSection added;
  added.plan.table = options.into;
  added.plan.sql = options.sql;
  added.plan.message_bytes_max = config.limits.message_bytes_max;
  added.plan.json_depth_max = config.limits.json_depth_max;
  added.from_table = options.table;
  config.tables.push_back(std::move(added));
  if (const Status plans = app::resolve_plans(*opened->engine, &config); !plans.ok()) {
    err << "weir backfill: --sql: " << plans.message() << "\n";
    return nullptr;
  }
  return &config.tables.back();
}

// What `weir run` has to find in the file. JSON's strings are TOML's basic strings.
std::string table_block(const TableSection& table) {
  return "[[table]]\nname = \"" + table.plan.table + "\"\nfrom_table = \"" + table.from_table +
         "\"\nsql = " + nlohmann::json(table.plan.sql).dump() + "\n";
}

int64_t sequences_left(const app::TableFillPlan& plan) {
  int64_t left = 0;
  for (const auto& [shard, position] : plan.source) {
    const auto ours = plan.target.find(shard);
    left += std::max<int64_t>(0, position - (ours == plan.target.end() ? Seq{0} : ours->second));
  }
  return left;
}

void print_plan(const GlobalOptions& global, const TableSection& table, const app::TableFillPlan& plan, std::ostream& out) {
  const auto files = std::ranges::count_if(plan.source, [](const auto& shard) { return shard.first < 0; });
  if (global.json) {
    out << nlohmann::ordered_json{{"table", table.plan.table},
                                  {"from_table", table.from_table},
                                  {"source_rows", plan.source_rows},
                                  {"source_files", files},
                                  {"table_exists", !plan.target.empty()},
                                  {"rows", plan.counts.rows()},
                                  {"rows_read", plan.counts.events},
                                  {"sequences_left", sequences_left(plan)}}
               .dump()
        << "\n";
    return;
  }
  out << "table " << table.from_table << " has " << grouped(plan.source_rows) << " rows";
  if (files > 0) out << ", those of " << grouped(files) << " loaded files among them";
  out << "\n";
  if (plan.target.empty()) {
    out << "table " << table.plan.table << " does not exist yet; its columns would be";
  } else {
    out << "table " << table.plan.table << " exists: " << grouped(plan.counts.rows()) << " rows out of the first "
        << grouped(plan.counts.events) << "; its columns are";
  }
  for (const RowColumn& column : table.plan.rows) {
    out << " " << column.name << " " << to_string(column.type) << (column.nullable ? "" : " not null")
        << (&column == &table.plan.rows.back() ? "\n" : ",");
  }
  out << grouped(sequences_left(plan)) << " sequences would be read\n";
}

void print_report(const GlobalOptions& global, const TableSection& table, bool in_file, bool has_clickhouse,
                  const BackfillOptions& options, const app::TableFillReport& report, std::ostream& out) {
  if (global.json) {
    out << nlohmann::ordered_json{{"table", table.plan.table},
                                  {"from_table", table.from_table},
                                  {"rows", report.counts.rows()},
                                  {"filtered", report.counts.filtered},
                                  {"dead_letters", report.counts.rejects},
                                  {"position", report.position.value},
                                  {"live_from", report.position.value + 1}}
               .dump()
        << "\n";
    return;
  }
  out << table.plan.table << ": " << grouped(report.counts.rows()) << " rows of " << grouped(report.counts.events) << " of "
      << table.from_table << ", " << grouped(report.counts.filtered) << " filtered, " << grouped(report.counts.rejects)
      << " dead letters; everything up to sequence " << grouped(report.position.value) << " is in the lake\n";
  if (in_file) {
    out << "`weir run` follows " << table.from_table << " from sequence " << report.position.value + 1 << " on\n";
  } else {
    out << "to follow " << table.from_table << " from sequence " << report.position.value + 1 << " on, add this to "
        << options.file << ":\n\n"
        << table_block(table) << "\n";
  }
  if (has_clickhouse) {
    out << "ClickHouse gets rows from there on; what is before: weir backfill " << options.file << " --table "
        << table.plan.table << " --to clickhouse\n";
  }
}

}  // namespace

int backfill_into_table(const GlobalOptions& global, const BackfillOptions& options, const Environment& environment) {
  if (const char* foreign = clickhouse_only_option(options)) {
    environment.err << "weir backfill: " << foreign << " has no effect with --into; leave it out\n";
    return kWrongUsage;
  }
  if (options.into == options.table) {
    environment.err << "weir backfill: --into " << options.into << " is the table itself; name the one to derive from it\n";
    return kWrongUsage;
  }
  auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const bool in_file = find_table(opened->config, options.into) != nullptr;
  const TableSection* table = derived_table(options, &*opened, environment.err);
  if (table == nullptr) return kWrongUsage;
  if (options.dry_run) {
    const auto plan = app::plan_table_fill(*opened->engine, opened->config, *table);
    if (!plan.ok()) return report_failure(plan.status(), environment);
    print_plan(global, *table, *plan, environment.out);
    return kDone;
  }
  opened->engine.reset();  // The fill opens its own; only the plans were needed.
  catch_stop_signals();
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  MetricsRegistry metrics;
  const app::Telemetry telemetry{.log = *log, .metrics = metrics, .clock = system_clock()};
  ProgressLine line;
  backfill::ProgressMeter meter;
  const auto report = app::fill_from_table(
      opened->config, *table, telemetry,
      {.stopping = stop_signal_came, .progress = [&](const backfill::Progress& progress) {
         meter.take(progress, system_clock().now());
         line.show_text(options.into + " " + meter.line());
       }});
  line.finish();
  if (!report.ok()) return report_failure(report.status(), environment);
  print_report(global, *table, in_file, opened->config.clickhouse.has_value(), options, *report, environment.out);
  return kDone;
}

}  // namespace weir::cli
