#include "cli/dead_letters.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "app/lake_reader.h"
#include "app/letter_run.h"
#include "audit/lake_query.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/result_printer.h"
#include "cli/signals.h"

namespace weir::cli {
namespace {

std::string conditions(const DeadLetterOptions& options) {
  std::string where = " WHERE true";
  if (!options.table.empty()) where += " AND \"table\" = " + audit::quoted_text(options.table);
  if (!options.code.empty()) where += " AND code = " + audit::quoted_text(options.code);
  return where;
}

Result<std::shared_ptr<arrow::RecordBatchReader>> run(const OpenedFile& opened, const std::string& sql) {
  auto reader = app::query_lake(*opened.engine, opened.config, sql);
  if (reader.status().code() == StatusCode::kNotFound) return not_found("the lake has no dead letters yet");
  return reader;
}

Status print_query(const OpenedFile& opened, const std::string& sql, bool json, std::ostream& out) {
  WEIR_ASSIGN_OR_RETURN(const auto reader, run(opened, sql));
  return print_result(*reader, json ? "json" : "table", out);
}

// Those of the file's tables that were dropped, as a condition that leaves them out; empty: none were.
Result<std::string> but_for_dropped(const OpenedFile& opened, int64_t* dropped) {
  WEIR_ASSIGN_OR_RETURN(const auto by_table, app::all_dropped(*opened.engine, opened.config));
  std::string where;
  for (const auto& [table, letters] : by_table) {
    where += " AND NOT (\"table\" = " + audit::quoted_text(table) + " AND (" + audit::identities_sql(letters) + "))";
    *dropped += letters.size();
  }
  return where;
}

app::LetterRunOptions run_options(const DeadLetterOptions& options) {
  app::LetterRunOptions run{
      .table = options.table, .selection = {.code = options.code, .seq = {}, .row = {}}, .dry_run = options.dry_run};
  if (options.seq >= 0) run.selection.seq = Seq{options.seq};
  if (options.row >= 0) run.selection.row = options.row;
  return run;
}

void print_replay(const app::LetterRunOutcome& outcome, const DeadLetterOptions& options, std::ostream& out) {
  const audit::ReplayOutcome& replay = outcome.replay;
  if (replay.resumed) out << "a replay that had been begun before was finished first\n";
  out << options.table << ": " << grouped(replay.looked_at) << " dead letters went through plan " << outcome.plan_id
      << "; in all " << grouped(replay.rows) << (options.dry_run ? " would become rows, " : " became rows, ")
      << grouped(replay.filtered) << " filtered, " << grouped(replay.rejected) << " rejected again\n";
  for (const audit::StillRejected& letter : replay.examples) {
    out << "  _shard " << letter.shard << ", _seq " << to_string(letter.id.seq) << ", _row " << letter.id.row << ": "
        << letter.code << ": " << letter.reason << "\n";
  }
  if (replay.rejected > static_cast<int64_t>(replay.examples.size())) {
    out << "  and " << grouped(replay.rejected - static_cast<int64_t>(replay.examples.size())) << " more\n";
  }
  if (replay.need_columns > 0) {
    out << "  " << grouped(replay.need_columns)
        << " have fields that ask for columns which the table does not have: add these to the pipeline file\n";
  }
  for (const std::string& follower : outcome.followers) {
    if (replay.rows > 0) {
      out << "note: " << follower << " takes its rows from " << options.table
          << " and does not get these: rebuild it (weir backfill --into)\n";
    }
  }
  if (options.dry_run) out << "nothing was changed (--dry-run)\n";
}

std::string replay_json(const app::LetterRunOutcome& outcome) {
  const audit::ReplayOutcome& replay = outcome.replay;
  nlohmann::ordered_json rejected = nlohmann::ordered_json::array();
  for (const audit::StillRejected& letter : replay.examples) {
    rejected.push_back({{"_shard", letter.shard},
                        {"_seq", letter.id.seq.value},
                        {"_row", letter.id.row},
                        {"code", letter.code},
                        {"reason", letter.reason}});
  }
  return nlohmann::ordered_json{{"plan", outcome.plan_id},
                                {"followers", outcome.followers},
                                {"looked_at", replay.looked_at},
                                {"rows", replay.rows},
                                {"filtered", replay.filtered},
                                {"rejected", replay.rejected},
                                {"need_columns", replay.need_columns},
                                {"rejected_examples", std::move(rejected)},
                                {"replays", replay.numbers},
                                {"resumed", replay.resumed}}
      .dump();
}

}  // namespace

int replay_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
  MetricsRegistry metrics;
  catch_stop_signals();
  const auto outcome = app::run_replay(*opened->engine, opened->config, run_options(options),
                                       {.log = *log, .metrics = metrics, .clock = system_clock()},
                                       {.stopping = stop_signal_came, .progress = {}});
  if (!outcome.ok()) return report_failure(outcome.status(), environment);
  if (global.json) {
    environment.out << replay_json(*outcome) << "\n";
  } else {
    print_replay(*outcome, options, environment.out);
  }
  return kDone;
}

int drop_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const auto decision = app::run_drop(*opened->engine, opened->config, run_options(options), options.reason);
  if (!decision.ok()) return report_failure(decision.status(), environment);
  const int64_t letters = decision->letters.size();
  if (global.json) {
    environment.out << nlohmann::ordered_json{{"number", decision->number}, {"dropped", letters}}.dump() << "\n";
  } else {
    environment.out << options.table << ": " << grouped(letters) << " dead letters "
                    << (options.dry_run ? "would be dropped; nothing was changed (--dry-run)"
                                        : "are dropped: kept and counted, but not listed, and not replayed")
                    << "\n";
  }
  return kDone;
}

int list_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  int64_t dropped = 0;
  std::string where = conditions(options);
  if (!options.dropped) {
    const auto hidden = but_for_dropped(*opened, &dropped);
    if (!hidden.ok()) return report_failure(hidden.status(), environment);
    where += *hidden;
  }
  const std::string columns = "\"table\", _shard, _seq, _row, _time, _subject, code, pointer, reason";
  const std::string list = "SELECT " + columns + " FROM dead_letters" + where +
                           " ORDER BY _time DESC, _seq DESC LIMIT " + std::to_string(options.limit);
  Status status = print_query(*opened, list, global.json, environment.out);
  if (status.ok() && !global.json) {
    environment.out << "\n";
    status = print_query(*opened,
                         "SELECT \"table\", code, count(*) AS events FROM dead_letters" + where +
                             " GROUP BY \"table\", code ORDER BY \"table\", events DESC, code",
                         false, environment.out);
    if (dropped > 0) environment.out << grouped(dropped) << " dropped ones are not shown (--dropped shows them)\n";
  }
  if (status.code() == StatusCode::kNotFound) {
    environment.err << status.message() << "\n";
    return kDone;
  }
  return status.ok() ? kDone : report_failure(status, environment);
}

int show_dead_letter(const GlobalOptions& global, const DeadLetterOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const std::string sql = "SELECT * FROM dead_letters WHERE \"table\" = " + audit::quoted_text(options.table) +
                          " AND _seq = " + std::to_string(options.seq) +
                          " AND _row = " + std::to_string(std::max(0, options.row));
  if (global.json) {
    const Status status = print_query(*opened, sql, true, environment.out);
    return status.ok() ? kDone : report_failure(status, environment);
  }
  const auto reader = run(*opened, sql);
  if (!reader.ok()) return report_failure(reader.status(), environment);
  std::shared_ptr<arrow::RecordBatch> batch;
  do {
    if (const auto read = (*reader)->ReadNext(&batch); !read.ok()) {
      return report_failure(unavailable(read.message()), environment);
    }
  } while (batch != nullptr && batch->num_rows() == 0);
  if (batch == nullptr) {
    environment.err << "no dead letter of table " << options.table << " at _seq " << options.seq << ", _row "
                    << std::max(0, options.row) << "; `weir dead-letters FILE list` shows which there are\n";
    return kFailed;
  }
  for (int i = 0; i < batch->num_columns(); ++i) {
    const std::string& name = batch->column_name(i);
    const auto* binary = dynamic_cast<const arrow::BinaryArray*>(batch->column(i).get());
    const bool payload = name == "payload" && binary != nullptr && !binary->IsNull(0);
    environment.out << name << ": " << (payload ? binary->GetString(0) : cell_text(*batch->column(i), 0)) << "\n";
  }
  return kDone;
}

CommandBody declare_dead_letters(CLI::App& app) {
  auto options = std::make_shared<DeadLetterOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.require_subcommand(1);
  CLI::App* list = app.add_subcommand("list", "List rejected events and count them by code");
  list->add_option("--table", options->table, "Only of this table");
  list->add_option("--code", options->code, "Only with this code");
  list->add_option("--limit", options->limit, "At most this many")->capture_default_str()->check(CLI::PositiveNumber);
  list->add_flag("--dropped", options->dropped, "Dropped ones as well");
  CLI::App* show = app.add_subcommand("show", "Show one rejected event with its payload");
  show->add_option("--table", options->table, "Its table")->required();
  show->add_option("--seq", options->seq, "Its _seq")->required();
  show->add_option("--row", options->row, "Its _row [0]")->check(CLI::NonNegativeNumber);
  CLI::App* replay = app.add_subcommand("replay", "Send rejected events through the plan in force, exactly once");
  CLI::App* drop = app.add_subcommand("drop", "Put rejected events aside for good: recorded, not erased");
  for (CLI::App* command : {replay, drop}) {
    command->add_option("--table", options->table, "Of this table")->required();
    command->add_option("--code", options->code, "Only with this code");
    command->add_option("--seq", options->seq, "Only at this _seq")->check(CLI::NonNegativeNumber);
    command->add_option("--row", options->row, "Only this _row")->check(CLI::NonNegativeNumber);
    command->add_flag("--dry-run", options->dry_run, "Look, and change nothing");
  }
  drop->add_option("--reason", options->reason, "Why; kept on record")->required();
  return [options, list, show, replay](const GlobalOptions& global, const Environment& environment) {
    if (list->parsed()) return list_dead_letters(global, *options, environment);
    if (show->parsed()) return show_dead_letter(global, *options, environment);
    return replay->parsed() ? replay_dead_letters(global, *options, environment)
                            : drop_dead_letters(global, *options, environment);
  };
}

}  // namespace weir::cli
