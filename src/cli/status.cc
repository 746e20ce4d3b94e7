#include "cli/status.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>

#include "app/job_report.h"
#include "app/lake_reader.h"
#include "app/running_process.h"
#include "app/services.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "cli/text_table.h"
#include "http/status_json.h"

namespace weir::cli {
namespace {

std::string text_of(const nlohmann::json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  if (found->is_number_float()) return grouped(found->get<int64_t>());
  if (found->is_number()) return grouped(found->get<int64_t>());
  return found->is_string() ? found->get<std::string>() : found->dump();
}

void print_trino(const nlohmann::json& trino, int64_t now_us, std::ostream& out) {
  const int64_t published_us = trino.at("published_us").get<int64_t>();
  out << "Trino: views " << (published_us == 0 ? "not published yet" : "current " + grouped((now_us - published_us) / 1'000'000) + " s ago");
  if (const std::string error = text_of(trino, "error"); !error.empty()) out << "; " << error;
  out << "\n";
  for (const auto& view : trino.at("views")) {
    out << "  weir." << text_of(view, "view") << ": " << text_of(view, "outcome") << ", " << text_of(view, "detail") << "\n";
  }
}

void print_text(const nlohmann::json& status, std::ostream& out) {
  out << "pipeline " << text_of(status, "pipeline") << ": " << text_of(status, "state") << "\n";
  TextTable table;
  table.add({"table", "shard", "stream end", "lake", "ClickHouse", "mode", "lag", "lag s", "events", "rows", "filtered",
             "dead letters", "events/s"});
  std::string notes;
  for (const auto& entry : status.at("tables")) {
    if (entry.contains("files")) {
      const nlohmann::json& files = entry.at("files");
      notes += text_of(entry, "name") + ": from " + text_of(files, "files") + " files: " + text_of(files, "rows") +
               " rows, " + text_of(files, "filtered") + " filtered, " + text_of(files, "dead_letters") +
               " dead letters\n";
    }
    for (const auto& shard : entry.at("shards")) {
      const nlohmann::json& totals = shard.at("totals");
      table.add({text_of(entry, "name"), text_of(shard, "shard"), text_of(shard, "stream_last_seq"),
                 text_of(shard, "lake_position"), text_of(shard, "hot_position"), text_of(shard, "hot_mode"),
                 text_of(shard, "lag_events"), text_of(shard, "lag_seconds"), text_of(totals, "events"),
                 text_of(totals, "rows"), text_of(totals, "filtered"), text_of(totals, "dead_letters"),
                 text_of(shard.at("rates"), "events_per_second")});
      for (const char* key : {"hot_reason", "last_error", "stopped_reason"}) {
        if (const std::string text = text_of(shard, key); text != "-" && !text.empty()) {
          notes += text_of(entry, "name") + ": " + text + "\n";
        }
      }
    }
  }
  out << table.render() << notes;
  if (status.contains("trino")) print_trino(status.at("trino"), status.at("time_us").get<int64_t>(), out);
  if (status.contains("not_ready")) {
    for (const auto& reason : status.at("not_ready")) out << "not ready: " << reason.get<std::string>() << "\n";
  }
}

// One line for each backfill that has not ended. A lake that does not answer has said so before.
void print_backfills(const OpenedFile& opened, std::ostream& out) {
  const backfill::JobStore jobs(app::lake_objects(*opened.engine, opened.config));
  for (const TableSection& table : opened.config.tables) {
    const auto job = jobs.last(table.plan.table);
    if (job.ok() && *job && !has_ended((*job)->state())) {
      out << app::job_line(**job, system_clock().unix_us()) << "\n";
    }
  }
}

// A running process knows its own shards only; what files brought stands in the lake.
std::string with_file_totals(const OpenedFile& opened, const std::string& body) {
  const auto totals = app::read_file_totals(*opened.engine, opened.config);
  if (!totals.ok() || totals->empty()) return body;
  auto status = nlohmann::ordered_json::parse(body);
  for (auto& table : status.at("tables")) {
    const auto files = totals->find(table.at("name").get<std::string>());
    if (files != totals->end()) table["files"] = file_totals_json(files->second);
  }
  return status.dump();
}

int print_once(const GlobalOptions& global, const OpenedFile& opened, const Environment& environment) {
  std::string body = app::ask_running_process(opened.config);
  if (body.empty()) {
    const auto read = app::read_status(*opened.engine, opened.config);
    if (!read.ok()) return report_failure(read.status(), environment);
    body = render_status_json(*read);
  } else {
    body = with_file_totals(opened, body);
  }
  if (global.json) {
    environment.out << body << "\n";
  } else {
    print_text(nlohmann::json::parse(body), environment.out);
    print_backfills(opened, environment.out);
  }
  return kDone;
}

}  // namespace

int status(const GlobalOptions& global, const StatusOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  if (!options.watch) return print_once(global, *opened, environment);
  catch_stop_signals();
  while (!stop_signal_came()) {
    if (!global.json) environment.out << "\033[H\033[2J";
    if (const int code = print_once(global, *opened, environment); code != kDone) return code;
    environment.out.flush();
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
  return kDone;
}

CommandBody declare_status(CLI::App& app) {
  auto options = std::make_shared<StatusOptions>();
  app.add_option("FILE", options->file, "The pipeline file")->required();
  app.add_flag("--watch", options->watch, "Print again every second");
  return [options](const GlobalOptions& global, const Environment& environment) {
    return status(global, *options, environment);
  };
}

}  // namespace weir::cli
