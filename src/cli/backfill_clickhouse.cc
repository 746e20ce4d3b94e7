#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <utility>

#include "app/hot_job.h"
#include "app/job_report.h"
#include "backfill/progress.h"
#include "cli/backfill.h"
#include "cli/exit_code.h"
#include "cli/pipeline_file_argument.h"
#include "cli/progress_line.h"
#include "cli/signals.h"

namespace weir::cli {
namespace {

using backfill::JobControl;
using backfill::JobRecord;
using backfill::JobSpec;
using backfill::JobState;
using backfill::JobWish;

/// What all ways of calling the command work with.
struct Call {
  const GlobalOptions& global;
  const BackfillOptions& options;
  const Environment& environment;
  const OpenedFile& opened;
  const TableSection& section;
  const backfill::JobStore& jobs;
};

Result<JobSpec> spec_of(const BackfillOptions& options) {
  JobSpec spec;
  spec.table = options.table;
  spec.where = options.where;
  for (const std::string& text : options.partitions) {
    const size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      return invalid_argument("--partition " + text + " is not of the form column=value");
    }
    spec.partitions.push_back({text.substr(0, equals), text.substr(equals + 1)});
  }
  spec.order = options.oldest_first ? backfill::UnitOrder::kOldestFirst : backfill::UnitOrder::kNewestFirst;
  spec.parallelism = options.parallelism;
  spec.skip_ahead = options.skip_ahead;
  return spec;
}

std::string megabytes(int64_t bytes) { return grouped((bytes + 999'999) / 1'000'000) + " MB"; }

std::string in_words(const JobSpec& spec) {
  return std::string(spec.order == backfill::UnitOrder::kNewestFirst ? "newest" : "oldest") + " first, " +
         (spec.parallelism > 0 ? std::to_string(spec.parallelism) + " units" : "one unit per core (half as many beside live events)") + " at a time";
}

void print_preview(const Call& call, const JobSpec& spec, const app::HotJobPreview& preview) {
  std::ostream& out = call.environment.out;
  if (call.global.json) {
    out << nlohmann::ordered_json{{"table", spec.table},
                                  {"version", preview.version},
                                  {"files", preview.plan.files},
                                  {"files_left_out", preview.plan.files_left_out},
                                  {"units", preview.plan.units.size()},
                                  {"rows", preview.plan.rows},
                                  {"rows_matching", preview.rows_matching
                                                        ? nlohmann::ordered_json(*preview.rows_matching)
                                                        : nlohmann::ordered_json(nullptr)},
                                  {"bytes", preview.plan.bytes},
                                  {"hand_over_seq", preview.hand_over.value},
                                  {"hand_over_known", preview.hand_over_known}}
               .dump()
        << "\n";
    return;
  }
  out << "table " << spec.table << ", version " << preview.version << " of the lake: " << grouped(preview.plan.files)
      << " files (" << grouped(preview.plan.files_left_out) << " left out), " << grouped(preview.plan.rows) << " rows, "
      << megabytes(preview.plan.bytes) << " in " << grouped(static_cast<int64_t>(preview.plan.units.size()))
      << " units\n";
  if (preview.rows_matching) out << grouped(*preview.rows_matching) << " rows match --where\n";
  if (spec.keep_from_us) out << "rows older than clickhouse_retention are left out\n";
  out << "hand-over " << (preview.hand_over_known ? "now" : "at most") << " at sequence "
      << grouped(preview.hand_over.value) << ": up to there from the lake, above it from live events\n"
      << in_words(spec) << "; nothing was changed\n";
}

/// Tells on stderr what happens, and keeps the line at the bottom of a terminal.
class Watcher {
 public:
  explicit Watcher(std::ostream& err) : err_(err) {}

  void show(const JobRecord& job, bool ours) {
    const backfill::JobProgress& progress = job.progress;
    const std::string executor = ours                                              ? "this command"
                                 : app::is_executed(job, system_clock().unix_us()) ? progress.holder
                                                                                   : "";
    if (executor != executor_) {
      executor_ = executor;
      say(executor.empty() ? "waiting for somebody to execute it" : "executed by " + executor);
    }
    if (progress.pin && progress.pin->hand_over() != hand_over_) {
      hand_over_ = progress.pin->hand_over();
      say("hand-over at sequence " + grouped(hand_over_.value) +
          ": up to there from the lake, above it from live events");
    }
    if (progress.last_error != trouble_) {
      trouble_ = progress.last_error;
      if (!trouble_.empty()) say(trouble_);
    }
    meter_.take({.rows_done = progress.rows + progress.rows_in_work + progress.rows_left_out,
                 .rows_total = progress.rows_total,
                 .bytes_done = progress.bytes,
                 .bytes_total = progress.bytes_total},
                system_clock().now());
    line_.show_text(job.spec.table + " " + meter_.line());
  }

  void finish() { line_.finish(); }

 private:
  void say(const std::string& text) {
    line_.finish();
    err_ << text << "\n" << std::flush;
  }

  std::ostream& err_;
  ProgressLine line_;
  backfill::ProgressMeter meter_;
  std::string executor_ = "?";
  Seq hand_over_{-1};
  std::string trouble_;
};

void print_end(const Call& call, const JobRecord& job) {
  std::ostream& out = call.environment.out;
  if (call.global.json) {
    const auto list = nlohmann::ordered_json::parse(app::render_jobs_json({job}, system_clock().unix_us()));
    out << list.at("backfills").at(0).dump() << "\n";
    return;
  }
  const backfill::JobProgress& progress = job.progress;
  out << "backfill " << job.spec.number << " of " << job.spec.table << " is " << to_string(job.state()) << ": "
      << grouped(progress.rows) << " rows of " << grouped(progress.files_total) << " files are in ClickHouse, "
      << grouped(progress.rows_left_out) << " rows left out, "
      << grouped(static_cast<int64_t>(app::rows_per_second(progress))) << " rows/s, "
      << grouped((progress.worked_us + 500'000) / 1'000'000) << " s\n";
  if (progress.pin) {
    out << "hand-over at sequence " << grouped(progress.pin->hand_over().value)
        << ": up to there from the lake, above it from live events\n";
  }
}

int exit_code_of(const Call& call, const app::HotJobOutcome& outcome) {
  const JobRecord& job = outcome.job;
  std::ostream& err = call.environment.err;
  const std::string command = "weir backfill " + call.options.file + " --table " + job.spec.table + " --to clickhouse";
  switch (job.state()) {
    case JobState::kDone: return kDone;
    case JobState::kFailed: err << "weir: " << job.progress.last_error << "\n"; return kFailed;
    case JobState::kCancelled: err << "weir: the backfill was cancelled; what it brought stays\n"; return kFailed;
    case JobState::kPaused:
      err << "weir: the backfill is paused; go on with  " << command << " --resume\n";
      return kFailed;
    case JobState::kPending:
    case JobState::kRunning: break;
  }
  if (!outcome.ours && app::is_executed(job, system_clock().unix_us())) {
    err << "weir: " << job.progress.holder << " goes on with the backfill; look at it with  " << command
        << " --list  or follow it with --resume\n";
  } else {
    err << "weir: interrupted; go on with  " << command
        << " --resume  (here or on another machine), or start `weir run`\n";
  }
  return kFailed;
}

int see_through(const Call& call, JobRecord job) {
  catch_stop_signals();
  const auto log =
      Logger::to_stderr({.level = call.global.log_level, .format = call.global.log_format}, system_clock());
  MetricsRegistry metrics;
  const app::Telemetry telemetry{.log = *log, .metrics = metrics, .clock = system_clock()};
  Watcher watcher(call.environment.err);
  const auto outcome = app::see_hot_job_through(
      *call.opened.engine, call.opened.config, call.section, std::move(job), telemetry,
      {.stopping = stop_signal_came, .progress = [&](const JobRecord& now, bool ours) { watcher.show(now, ours); }});
  watcher.finish();
  if (!outcome.ok()) {
    call.environment.err << "the backfill is kept; go on with --resume\n";
    return report_failure(outcome.status(), call.environment);
  }
  print_end(call, outcome->job);
  return exit_code_of(call, *outcome);
}

int start(const Call& call) {
  auto spec = spec_of(call.options);
  if (!spec.ok()) {
    call.environment.err << "weir backfill: " << spec.status().message() << "\n";
    return kWrongUsage;
  }
  *spec = app::completed(std::move(*spec), call.section, system_clock().unix_us());
  const auto preview =
      app::preview_hot_job(*call.opened.engine, call.opened.config, call.section, *spec, call.options.dry_run);
  if (!preview.ok()) {
    call.environment.err << "weir backfill: " << preview.status().message() << "\n";
    return exit_code(preview.status());
  }
  if (call.options.dry_run) {
    print_preview(call, *spec, *preview);
    return kDone;
  }
  const JobControl control{.wish = JobWish::kRun, .rows_per_second = call.options.rows_per_second.value_or(0)};
  auto job = call.jobs.create(std::move(*spec), control, call.options.file);
  if (!job.ok()) return report_failure(job.status(), call.environment);
  call.environment.err << "backfill " << job->spec.number << " of " << job->spec.table << ": "
                       << grouped(preview->plan.files) << " files, " << grouped(preview->plan.rows) << " rows, "
                       << megabytes(preview->plan.bytes) << "; " << in_words(job->spec) << "\n";
  return see_through(call, std::move(*job));
}

// The table's unfinished job, or the reason why there is none.
Result<JobRecord> unfinished(const Call& call) {
  WEIR_ASSIGN_OR_RETURN(auto job, call.jobs.last(call.options.table));
  if (!job) return not_found("table " + call.options.table + " never had a backfill into ClickHouse");
  if (!has_ended(job->state())) return std::move(*job);
  return not_found("no backfill of table " + call.options.table + " is unfinished: number " +
                   std::to_string(job->spec.number) + " is " + std::string(to_string(job->state())) +
                   (job->progress.last_error.empty() ? "" : " (" + job->progress.last_error + ")"));
}

int resume(const Call& call) {
  const BackfillOptions& options = call.options;
  if (!options.where.empty() || !options.partitions.empty() || options.oldest_first || options.skip_ahead ||
      options.parallelism > 0) {
    call.environment.err << "weir backfill: --resume goes on with the backfill as it was made; with it, only "
                            "--rows-per-second may be given\n";
    return kWrongUsage;
  }
  auto job = unfinished(call);
  if (!job.ok()) return report_failure(job.status(), call.environment);
  if (options.dry_run) {
    const auto preview = app::preview_hot_job(*call.opened.engine, call.opened.config, call.section, job->spec, true);
    if (!preview.ok()) return report_failure(preview.status(), call.environment);
    print_preview(call, job->spec, *preview);
    return kDone;
  }
  JobControl control = job->control;
  control.wish = JobWish::kRun;
  control.rows_per_second = options.rows_per_second.value_or(control.rows_per_second);
  if (control != job->control) {
    if (const Status put = call.jobs.put_control(job->spec, control); !put.ok()) {
      return report_failure(put, call.environment);
    }
    job->control = control;
  }
  return see_through(call, std::move(*job));
}

int pause_or_cancel(const Call& call) {
  const auto job = unfinished(call);
  if (!job.ok()) return report_failure(job.status(), call.environment);
  JobControl control = job->control;
  control.wish = JobWish::kPause;
  const Status asked = call.options.cancel ? app::cancel_hot_job(call.jobs, *job, system_clock().unix_us())
                                           : call.jobs.put_control(job->spec, control);
  if (!asked.ok()) return report_failure(asked, call.environment);
  call.environment.err << "backfill " << job->spec.number << " of " << job->spec.table
                       << (call.options.cancel ? " is cancelled; the rows it brought stay\n"
                                               : " pauses; --resume goes on with it\n");
  return kDone;
}

int list(const Call& call) {
  const auto jobs = call.jobs.list(call.options.table);
  if (!jobs.ok()) return report_failure(jobs.status(), call.environment);
  const int64_t now_us = system_clock().unix_us();
  if (call.global.json) {
    call.environment.out << app::render_jobs_json(*jobs, now_us) << "\n";
    return kDone;
  }
  for (const JobRecord& job : *jobs) call.environment.out << app::job_line(job, now_us) << "\n";
  if (jobs->empty())
    call.environment.out << "table " << call.options.table << " never had a backfill into ClickHouse\n";
  return kDone;
}

}  // namespace

int backfill_clickhouse(const GlobalOptions& global, const BackfillOptions& options, const Environment& environment) {
  const auto opened = open_pipeline_file(options.file, environment);
  if (!opened.ok()) return exit_code(opened.status());
  const auto section = std::ranges::find(opened->config.tables, options.table,
                                         [](const TableSection& table) { return table.plan.table; });
  if (section == opened->config.tables.end()) {
    std::string known;
    for (const TableSection& table : opened->config.tables) known += (known.empty() ? "" : ", ") + table.plan.table;
    environment.err << "weir backfill: --table " << options.table << ": " << options.file << " has only " << known
                    << "\n";
    return kWrongUsage;
  }
  if (!opened->config.clickhouse) {
    environment.err << "weir backfill: --to clickhouse: " << options.file << " has no [clickhouse]\n";
    return kWrongUsage;
  }
  const backfill::JobStore jobs(app::lake_objects(*opened->engine, opened->config));
  const Call call{.global = global,
                  .options = options,
                  .environment = environment,
                  .opened = *opened,
                  .section = *section,
                  .jobs = jobs};
  if (options.list) return list(call);
  if (options.pause || options.cancel) return pause_or_cancel(call);
  return options.resume ? resume(call) : start(call);
}

}  // namespace weir::cli
