#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <ostream>
#include <thread>
#include <unistd.h>

#include "app/file_load.h"
#include "app/next_plan.h"
#include "backfill/progress.h"
#include "base/clock.h"
#include "cli/backfill.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "cli/text_table.h"

namespace weir::cli {
namespace {

using app::FileEntry;
using app::FileState;

// Turns the signals that are only noted into a stop of the work.
std::jthread watch_signals(std::stop_source& stop) {
  return std::jthread([&stop](const std::stop_token& ended) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    while (!ended.stop_requested() && !stop_signal_came()) {
      never.wait_for(lock, ended, std::chrono::milliseconds(100), [] { return false; });
    }
    if (stop_signal_came()) stop.request_stop();
  });
}

nlohmann::ordered_json file_json(const FileEntry& file) {
  nlohmann::ordered_json object{{"path", file.path},
                                {"size_bytes", file.size_bytes},
                                {"digest", file.digest},
                                {"state", app::to_string(file.state)},
                                {"known_before", file.known_before}};
  object["shard"] = file.shard == 0 ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(file.shard);
  object["rows_in_file"] = file.rows ? nlohmann::ordered_json(*file.rows) : nlohmann::ordered_json(nullptr);
  object["rows_read"] = file.outcome.rows_read;
  object["rows"] = file.outcome.rows;
  object["filtered"] = file.outcome.filtered;
  object["dead_letters"] = file.outcome.dead_letters;
  object["reason"] = file.reason;
  object["notes"] = file.notes;
  return object;
}

std::string state_text(const FileEntry& file) {
  if (file.state == FileState::kLoaded && file.known_before) return "loaded before";
  return std::string(app::to_string(file.state));
}

void print_files(const GlobalOptions& global, const std::string& table, const std::vector<FileEntry>& files,
                 const Environment& environment) {
  if (global.json) {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    for (const FileEntry& file : files) list.push_back(file_json(file));
    const nlohmann::ordered_json summary{{"table", table}, {"files", std::move(list)}};
    environment.out << summary.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << "\n";
    return;
  }
  TextTable text;
  text.add({"file", "bytes", "rows in file", "shard", "state", "rows", "filtered", "dead letters", "digest"});
  for (const FileEntry& file : files) {
    text.add({file.path, grouped(file.size_bytes), file.rows ? grouped(*file.rows) : "-",
              file.shard == 0 ? "-" : std::to_string(file.shard), state_text(file), grouped(file.outcome.rows),
              grouped(file.outcome.filtered), grouped(file.outcome.dead_letters), file.digest});
  }
  environment.out << text.render();
}

void print_notes(const std::vector<FileEntry>& files, const Environment& environment) {
  for (const FileEntry& file : files) {
    for (const std::string& note : file.notes) environment.err << "note: " << file.path << ": " << note << "\n";
    if (!file.reason.empty()) {
      environment.err << app::to_string(file.state) << ": " << file.path << ": " << file.reason << "\n";
    }
  }
}

bool is_bad(const FileEntry& file) { return file.state == FileState::kRefused || file.state == FileState::kFailed; }

const TableSection* find_table(const PipelineConfig& config, const std::string& name, const Environment& environment) {
  std::string there;
  for (const TableSection& section : config.tables) {
    if (section.plan.table == name) return &section;
    there += (there.empty() ? "" : ", ") + section.plan.table;
  }
  environment.err << "weir backfill: " << config.file << " has no table " << name << " (it has: " << there << ")\n";
  return nullptr;
}

class TerminalProgress {
 public:
  void show(const backfill::Progress& progress) {
    if (!terminal_) return;
    const auto now = std::chrono::steady_clock::now();
    if (now - shown_ < std::chrono::milliseconds(200)) return;
    shown_ = now;
    meter_.take(progress, now);
    std::fprintf(stderr, "\r\033[K%s", meter_.line().c_str());
    std::fflush(stderr);
    wrote_ = true;
  }
  void finish() const {
    if (wrote_) std::fputc('\n', stderr);
  }

 private:
  const bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  backfill::ProgressMeter meter_;
  std::chrono::steady_clock::time_point shown_;
  bool wrote_ = false;
};

}  // namespace

int backfill_from_files(const GlobalOptions& global, const BackfillOptions& options, const Environment& environment) {
  if (options.oldest_first || options.skip_ahead) {
    environment.err << "weir backfill: --oldest-first and --skip-ahead belong to --to clickhouse\n";
    return kWrongUsage;
  }
  auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const TableSection* in_file = find_table(opened->config, options.table, environment);
  if (in_file == nullptr) return kWrongUsage;
  const auto next = app::next_plan(*opened->engine, opened->config, *in_file);
  if (!next.ok()) return report_failure(next.status(), environment);
  TableSection section = *in_file;
  section.plan = *next->plan;
  const auto format = backfill::parse_file_format(options.format);
  if (!format.ok()) {
    environment.err << "weir backfill: " << format.status().message() << "\n";
    return kWrongUsage;
  }
  catch_stop_signals();
  std::stop_source stop;
  const std::jthread watcher = watch_signals(stop);
  TerminalProgress progress;
  app::FileLoadOptions load;
  load.glob = options.from_files;
  load.format = *format;
  load.rows_per_second = options.rows_per_second.value_or(0);
  load.progress = [&progress](const backfill::Progress& now) { progress.show(now); };

  auto files = app::plan_files(*opened->engine, opened->config, section, load, stop.get_token());
  if (!files.ok()) return report_failure(files.status(), environment);
  Status loaded;
  if (!options.dry_run) {
    opened->engine.reset();  // The load opens its own.
    const auto log = Logger::to_stderr({.level = global.log_level, .format = global.log_format}, system_clock());
    MetricsRegistry metrics;
    const app::Telemetry telemetry{.log = *log, .metrics = metrics, .clock = system_clock()};
    loaded = app::load_files(opened->config, section, load, telemetry, stop.get_token(), &*files);
    progress.finish();
  }
  print_files(global, options.table, *files, environment);
  print_notes(*files, environment);
  if (loaded.code() == StatusCode::kShuttingDown) {
    environment.err << "weir backfill: stopped; run the same command again to go on\n";
    return kFailed;
  }
  if (!loaded.ok()) return report_failure(loaded, environment);
  return std::ranges::any_of(*files, is_bad) ? kFailed : kDone;
}

}  // namespace weir::cli
