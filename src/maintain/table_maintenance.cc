#include "maintain/table_maintenance.h"

#include <algorithm>
#include <map>

#include "base/crash_point.h"
#include "maintain/compaction_plan.h"
#include "maintain/delta_log.h"
#include "maintain/delta_maintained_table.h"
#include "maintain/job_pins.h"
#include "maintain/retention.h"

namespace weir::maintain {
namespace {

// The writer of a table checkpoints it every 20 commits; a table that does not keep up with that is helped.
constexpr int64_t kCheckpointCommits = 30;
constexpr milliseconds kDeltaTombstonesKept = std::chrono::hours(168);  // Delta's default.

std::string first_of(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min<size_t>(names.size(), 3); ++i) text += (i == 0 ? "" : ", ") + names[i];
  return names.size() > 3 ? text + " and " + std::to_string(names.size() - 3) + " more" : text;
}

// Adds those of the table's `paths` that are there, by one listing.
Status count_there(const engine::ObjectReader& objects, const std::string& table, const std::vector<std::string>& paths,
                   StepReport* report) {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(table));
  std::map<std::string_view, int64_t> sizes;
  for (const engine::ObjectEntry& entry : entries) {
    sizes[std::string_view(entry.path).substr(table.size() + 1)] = entry.size_bytes;
  }
  for (const std::string& path : paths) {
    const auto found = sizes.find(path);
    if (found == sizes.end()) continue;
    ++report->files;
    report->bytes += found->second;
  }
  return ok_status();
}

}  // namespace

Result<std::unique_ptr<TableMaintenance>> TableMaintenance::open(const engine::Engine& engine, const Clock& clock,
                                                                 const lake::LakeOptions& lake, std::string table,
                                                                 std::vector<std::string> sort_columns) {
  WEIR_ASSIGN_OR_RETURN(auto delta, DeltaMaintainedTable::open(engine, lake, table));
  return std::make_unique<TableMaintenance>(clock, std::move(table), std::move(sort_columns), std::move(delta));
}

std::vector<StepReport> TableMaintenance::run(const Options& options, const std::stop_token& stop) {
  std::vector<StepReport> reports;
  for (const Step wanted : options.steps) {
    if (wanted == Step::kParts) continue;
    if (stop.stop_requested()) break;
    StepReport report{.table = table_, .step = wanted, .note = {}};
    if (const Status status = step(wanted, options, stop, &report); !status.ok()) {
      report.outcome = Outcome::kFailed;
      report.note = status.to_string();
    }
    reports.push_back(std::move(report));
  }
  return reports;
}

Status TableMaintenance::step(Step step, const Options& options, const std::stop_token& stop, StepReport* report) {
  switch (step) {
    case Step::kCompact: return compact(options, stop, report);
    case Step::kCheckpoint: return checkpoint(options, report);
    case Step::kCleanLog: return clean_log(options, report);
    case Step::kVacuum: return vacuum(options, report);
    case Step::kParts: break;
  }
  return ok_status();
}

Status TableMaintenance::compact(const Options& options, const std::stop_token& stop, StepReport* report) {
  WEIR_ASSIGN_OR_RETURN(const auto described, delta_->describe(/*with_files=*/true));
  WEIR_ASSIGN_OR_RETURN(const CompactionPlan plan, plan_compaction(described, options.compaction, now_ms()));
  if (!plan.too_large.empty()) {
    report->outcome = Outcome::kSkipped;
    report->note = "too large for upkeep beside ingest: " + first_of(plan.too_large) + "; run `weir maintain` for it";
  }
  engine::OptimizeOptions optimize;
  optimize.target_file_bytes = options.compaction.target_file_bytes;
  for (const std::string& column : sort_columns_) {
    if (options.sort && std::ranges::count(described.partition_columns, column) == 0) optimize.z_order.push_back(column);
  }
  for (const CompactionPiece& piece : plan.pieces) {
    if (stop.stop_requested()) break;
    if (options.dry_run) {
      report->outcome = Outcome::kWould;
      report->files += piece.files;
      report->bytes += piece.bytes;
      ++report->versions;
      continue;
    }
    optimize.partition_filters_json = piece.partition_filters_json;
    const auto done = delta_->optimize(optimize);
    const StatusCode code = done.status().code();
    if (code == StatusCode::kConflict || code == StatusCode::kUnavailable) {
      report->note = code == StatusCode::kConflict ? "another maintenance was faster" : done.status().message();
      report->note += "; the next one looks again at " +
                      (piece.partitions.empty() ? "the whole table" : first_of(piece.partitions));
      if (report->outcome == Outcome::kNothing) report->outcome = Outcome::kSkipped;
      continue;
    }
    WEIR_RETURN_IF_ERROR(done.status());
    if (done->files_removed == 0) continue;
    crash_point("compaction_committed");
    report->outcome = Outcome::kDone;
    report->files += done->files_removed;
    report->files_added += done->files_added;
    report->bytes += piece.bytes;
    ++report->versions;
  }
  return ok_status();
}

Status TableMaintenance::checkpoint(const Options& options, StepReport* report) {
  WEIR_ASSIGN_OR_RETURN(const DeltaLog log, read_delta_log(delta_->objects(), table_));
  if (log.commits_since_checkpoint() < kCheckpointCommits) return ok_status();
  report->versions = log.commits_since_checkpoint();
  report->outcome = Outcome::kWould;
  if (options.dry_run) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const int64_t version, delta_->checkpoint());
  crash_point("checkpoint_written");
  report->outcome = Outcome::kDone;
  report->note = "of version " + std::to_string(version);
  return ok_status();
}

Status TableMaintenance::clean_log(const Options& options, StepReport* report) {
  WEIR_ASSIGN_OR_RETURN(const DeltaLog log, read_delta_log(delta_->objects(), table_));
  LogRequest request{.retention = options.log_retention, .kept_version_committed_ms = {}, .pins = {}, .now_ms = now_ms()};
  if (log.entries <= options.log_versions_min) return ok_status();
  WEIR_ASSIGN_OR_RETURN(request.kept_version_committed_ms,
                        commit_time_ms(delta_->objects(), table_, *log.newest_entry - options.log_versions_min));
  WEIR_ASSIGN_OR_RETURN(request.pins, pinned_versions(delta_->objects(), table_));
  const auto hours = log_hours(request);
  if (hours.status().code() == StatusCode::kUnavailable) {
    report->outcome = Outcome::kSkipped;
    report->note = hours.status().message();
    return ok_status();
  }
  WEIR_RETURN_IF_ERROR(hours.status());
  if (stood_still(request.now_ms, report)) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto removed, delta_->clean_log({.retention_hours = *hours, .dry_run = options.dry_run}));
  if (removed.empty()) return ok_status();
  if (!options.dry_run) crash_point("log_cleaned");
  report->versions = static_cast<int64_t>(removed.size());
  report->outcome = options.dry_run ? Outcome::kWould : Outcome::kDone;
  return ok_status();
}

Status TableMaintenance::vacuum(const Options& options, StepReport* report) {
  WEIR_ASSIGN_OR_RETURN(const auto described, delta_->describe(/*with_files=*/false));
  const auto kept = described.properties.find("delta.deletedFileRetentionDuration");
  VacuumRequest request{.retention = options.retention,
                        .tombstones_kept = parse_delta_interval(kept == described.properties.end() ? "" : kept->second,
                                                                kDeltaTombstonesKept),
                        .force = options.force,
                        .pins = {},
                        .now_ms = now_ms()};
  WEIR_ASSIGN_OR_RETURN(request.pins, pinned_versions(delta_->objects(), table_));
  const auto hours = vacuum_hours(request);
  if (hours.status().code() == StatusCode::kUnavailable) {
    report->outcome = Outcome::kSkipped;
    report->note = hours.status().message();
    return ok_status();
  }
  WEIR_RETURN_IF_ERROR(hours.status());
  if (*hours * std::chrono::hours(1) > options.retention + std::chrono::hours(1)) {
    report->note = "keeps " + std::to_string(*hours) + "h for " + request.pins.front().by;
  }
  return delete_older(*hours, options.dry_run, request.now_ms, report);
}

// A laptop that slept, a process that was stopped: what was decided before rests on the jobs and the time of then.
bool TableMaintenance::stood_still(int64_t looked_ms, StepReport* report) const {
  const milliseconds passed(now_ms() - looked_ms);
  if (passed <= kStandstillMax) return false;
  *report = {.table = table_, .step = report->step, .outcome = Outcome::kSkipped, .note = {}};
  report->note = "stood still for " + std::to_string(passed / std::chrono::minutes(1)) +
                 " minutes before it deleted anything; the next one looks again";
  return true;
}

Status TableMaintenance::delete_older(int64_t hours, bool dry_run, int64_t looked_ms, StepReport* report) {
  engine::VacuumOptions vacuum{.retention_hours = hours, .dry_run = true, .enforce_retention = false};
  WEIR_ASSIGN_OR_RETURN(const auto doomed, delta_->vacuum(vacuum));
  // What was deleted before is listed again for as long as the table remembers that it was removed.
  if (!doomed.empty()) WEIR_RETURN_IF_ERROR(count_there(delta_->objects(), table_, doomed, report));
  const bool vacuumed = report->files > 0;
  const std::vector<StagedFile> staged = delta_->staged(hours * std::chrono::hours(1));
  for (const StagedFile& file : staged) {
    ++report->files;
    report->bytes += file.size_bytes;
  }
  if (report->files == 0) return ok_status();
  report->outcome = Outcome::kWould;
  if (dry_run) return ok_status();
  if (stood_still(looked_ms, report)) return ok_status();
  crash_point("vacuum_chosen");
  vacuum.dry_run = false;
  if (vacuumed) WEIR_RETURN_IF_ERROR(delta_->vacuum(vacuum).status());
  crash_point("vacuum_deleted");
  WEIR_RETURN_IF_ERROR(delta_->remove_staged(staged));
  report->outcome = Outcome::kDone;
  return ok_status();
}

}  // namespace weir::maintain
