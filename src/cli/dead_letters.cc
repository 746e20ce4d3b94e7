#include "cli/dead_letters.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <ostream>

#include "app/lake_reader.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/result_printer.h"

namespace weir::cli {
namespace {

std::string quoted(const std::string& text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? "''" : std::string(1, c);
  return result + "'";
}

std::string conditions(const DeadLetterOptions& options) {
  std::string where = " WHERE true";
  if (!options.table.empty()) where += " AND \"table\" = " + quoted(options.table);
  if (!options.code.empty()) where += " AND code = " + quoted(options.code);
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

}  // namespace

int list_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const std::string columns = "\"table\", _shard, _seq, _row, _time, _subject, code, pointer, reason";
  const std::string list = "SELECT " + columns + " FROM dead_letters" + conditions(options) +
                           " ORDER BY _time DESC, _seq DESC LIMIT " + std::to_string(options.limit);
  Status status = print_query(*opened, list, global.json, environment.out);
  if (status.ok() && !global.json) {
    environment.out << "\n";
    status = print_query(*opened,
                         "SELECT \"table\", code, count(*) AS events FROM dead_letters" + conditions(options) +
                             " GROUP BY \"table\", code ORDER BY \"table\", events DESC, code",
                         false, environment.out);
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
  const std::string sql = "SELECT * FROM dead_letters WHERE \"table\" = " + quoted(options.table) +
                          " AND _seq = " + std::to_string(options.seq) + " AND _row = " + std::to_string(options.row);
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
                    << options.row << "; `weir dead-letters FILE list` shows which there are\n";
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
  CLI::App* show = app.add_subcommand("show", "Show one rejected event with its payload");
  show->add_option("--table", options->table, "Its table")->required();
  show->add_option("--seq", options->seq, "Its _seq")->required();
  show->add_option("--row", options->row, "Its _row")->capture_default_str();
  return [options, list](const GlobalOptions& global, const Environment& environment) {
    return list->parsed() ? list_dead_letters(global, *options, environment)
                          : show_dead_letter(global, *options, environment);
  };
}

}  // namespace weir::cli
