#include "tests/sim/upkeep_worker.h"

#include <chrono>
#include <memory>
#include <utility>

#include "backfill/job.h"
#include "lake/lake_layout.h"
#include "maintain/table_maintenance.h"
#include "tests/fakes/fake_maintained_table.h"

namespace weir::sim {
namespace {

using maintain::Outcome;
using maintain::Step;
using std::chrono::hours;
using std::chrono::minutes;

class StoresClock final : public Clock {
 public:
  explicit StoresClock(const Stores& stores) : stores_(stores) {}
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(stores_.now_ms));
  }
  int64_t unix_us() const override { return stores_.now_ms * 1000; }

 private:
  const Stores& stores_;
};

}  // namespace

maintain::Options UpkeepWorker::options() {
  maintain::Options options;
  if (random_(3) == 0) options.steps.erase(static_cast<Step>(random_(4)));
  options.compaction.target_file_bytes = 8 + random_(60);
  options.compaction.closed_after = minutes(random_(30));
  options.compaction.small_files_min = 2 + random_(3);
  options.compaction.open_small_files_min = 2 + random_(6);
  options.compaction.partitions_per_piece = static_cast<int32_t>(1 + random_(3));
  options.retention = stores_.retention;
  options.log_retention = stores_.log_retention;
  options.log_versions_min = 1 + random_(20);
  return options;
}

// The job as the product keeps it: who pins what is read out of these. All jobs have one folder; those that ended pin
// nothing.
std::map<std::string, std::string> UpkeepWorker::documents() const {
  const HistoryJob& job = stores_.job;
  if (job.number == 0) return {};
  const std::string folder = "_weir/jobs/t/" + lake::padded(1);
  backfill::JobProgress progress;
  progress.state = job.done ? backfill::JobState::kDone : backfill::JobState::kRunning;
  progress.pin = backfill::JobPin{.version = static_cast<int64_t>(job.version),
                                  .upper = {{0, job.upper}},
                                  .clickhouse_uuid = job.table_id,
                                  .units_digest = "digest"};
  return {{folder + "/spec.json", backfill::to_json(backfill::JobSpec{.number = job.number, .table = "t"})},
          {folder + "/progress.json", backfill::to_json(progress)},
          {folder + "/control.json", backfill::to_json(backfill::JobControl{})}};
}

void UpkeepWorker::round() {
  const bool of_rows = random_(4) > 0;
  const StoresClock clock(stores_);
  const std::string name = of_rows ? "t" : "_dead_letters";
  maintain::TableMaintenance maintenance(
      clock, name, {},
      std::make_unique<fakes::FakeMaintainedTable>(of_rows ? stores_.lake : stores_.dead_letters, faults_, name,
                                                   [this] { return documents(); }));
  busy_ = true;
  ++stores_.upkeep.rounds;
  for (const maintain::StepReport& report : maintenance.run(options(), {})) take(report);
  busy_ = false;
}

void UpkeepWorker::take(const maintain::StepReport& report) {
  UpkeepTotals& totals = stores_.upkeep;
  const bool done = report.outcome == Outcome::kDone;
  switch (report.step) {
    case Step::kCompact:
      if (done) totals.files_compacted += report.files;
      break;
    case Step::kCheckpoint: totals.checkpoints += done ? 1 : 0; break;
    case Step::kCleanLog:
      if (done) totals.log_entries_removed += report.versions;
      break;
    case Step::kVacuum:
      if (done) totals.files_vacuumed += report.files;
      if (report.note.starts_with("keeps ")) ++totals.vacuums_held_by_a_job;
      break;
    case Step::kParts: break;
  }
  // Unavailable and unknown are of our own making, and so is a version that somebody's clean-up ended before our look
  // at it.
  const bool ours = report.note.starts_with("unavailable") || report.note.starts_with("outcome unknown") ||
                    report.note.starts_with("not found: entry") || report.note.starts_with("conflict");
  if (report.outcome == Outcome::kFailed && !ours && violation_.empty()) {
    violation_ = "upkeep met: " + report.note;
  }
}

}  // namespace weir::sim
