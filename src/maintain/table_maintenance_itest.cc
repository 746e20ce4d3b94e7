#include "maintain/table_maintenance.h"

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/scalar.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/query.h"
#include "lake/delta_lake_table.h"
#include "lake/lake_layout.h"
#include "pipeline/lake_ledger.h"
#include "schema/table_schema.h"
#include "tests/support/lake_folder.h"

namespace weir::maintain {
namespace {

using testing::Each;
using testing::Field;
using testing::HasSubstr;

constexpr int64_t kRowsPerCommit = 3;

// Values that no path can carry as they are.
constexpr std::array<const char*, 3> kKinds = {"plain", "two words", "100%/\u00e9=?"};

Plan plan() {
  Plan plan;
  plan.table = "numbers";
  plan.rows = {{.name = "n", .type = *parse_column_type("int64"), .nullable = false},
               {.name = "kind", .type = *parse_column_type("string"), .nullable = false}};
  plan.partition_by = {"kind"};
  plan.order_by = {"kind", "n"};
  return plan;
}

// One row in each of three partitions, n = _seq.
std::shared_ptr<arrow::RecordBatch> rows(int64_t first) {
  arrow::Int64Builder n;
  arrow::StringBuilder kind;
  arrow::Int32Builder shards;
  arrow::Int64Builder seqs;
  arrow::Int32Builder ordinals;
  arrow::TimestampBuilder times(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subjects;
  for (int64_t seq = first; seq < first + kRowsPerCommit; ++seq) {
    EXPECT_TRUE(n.Append(seq).ok() && kind.Append(kKinds[seq % 3]).ok() && shards.Append(0).ok() &&
                seqs.Append(seq).ok() && ordinals.Append(0).ok() && times.Append(seq).ok() && subjects.Append("n").ok());
  }
  arrow::ArrayVector columns;
  for (arrow::ArrayBuilder* builder :
       std::initializer_list<arrow::ArrayBuilder*>{&n, &kind, &shards, &seqs, &ordinals, &times, &subjects}) {
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return arrow::RecordBatch::Make(row_arrow_schema(plan()), kRowsPerCommit, columns);
}

class TableMaintenanceTest : public testing::Test {
 protected:
  void SetUp() override {
    auto engine = engine::Engine::open({.worker_threads = 2});
    ASSERT_TRUE(engine.ok()) << engine.status().to_string();
    engine_ = std::move(engine).value();
    options_.url = lake_.url();
    auto table = lake::DeltaLakeTable::open_or_create(
        *engine_, options_, lake::rows_definition(plan(), {.pipeline = "test", .stream = "N", .shards = 1}, Seq{1}));
    ASSERT_TRUE(table.ok()) << table.status().to_string();
    table_ = std::move(table).value();
    ledger_.emplace(*table_, position_app_id("numbers", 0), Epoch{1});
    ASSERT_TRUE(ledger_->take_over().ok());
  }

  Status append() {
    const Seq position = ledger_->position();
    const Seq last{position.value + kRowsPerCommit};
    WEIR_ASSIGN_OR_RETURN(const auto files, table_->write_files({rows(position.value + 1)}));
    return ledger_->commit(position, last, files.get(), {}, "{}");
  }

  void append(int commits) {
    for (int i = 0; i < commits; ++i) {
      const Status status = append();
      ASSERT_TRUE(status.ok()) << status.to_string();
    }
  }

  // The same, checkpointed as the pipeline does it.
  void append_much(int commits) {
    constexpr int kCheckpointCommits = 20;
    for (int i = 0; i < commits; i += kCheckpointCommits) {
      append(kCheckpointCommits);
      ASSERT_TRUE(table_->checkpoint().ok());
    }
  }

  std::vector<StepReport> maintain(const Options& options) {
    auto maintenance = TableMaintenance::open(*engine_, system_clock(), options_, "numbers", plan().order_by);
    EXPECT_TRUE(maintenance.ok()) << maintenance.status().to_string();
    return maintenance.ok() ? (*maintenance)->run(options, {}) : std::vector<StepReport>{};
  }

  StepReport step(Step step, Options options) {
    options.steps = {step};
    const auto reports = maintain(options);
    EXPECT_EQ(reports.size(), 1U);
    return reports.empty() ? StepReport{} : reports.front();
  }

  // Everything counts as settled and nothing as recent.
  static Options at_once() {
    Options options;
    options.compaction.closed_after = milliseconds(0);
    options.retention = milliseconds(0);
    options.force = true;
    return options;
  }

  // count, count distinct and sum of _seq as text; the error's text where it cannot be read.
  std::string identities(std::optional<int64_t> version = {}) {
    const auto snapshot = version ? table_->delta_table().snapshot(*version) : table_->delta_table().snapshot();
    if (!snapshot.ok()) return snapshot.status().to_string();
    const auto reader = engine::query(
        *engine_, {{.name = "t", .snapshot = snapshot->get()}},
        "SELECT concat(count(*), ' ', count(DISTINCT _seq), ' ', sum(n)) FROM t WHERE kind = CASE _seq % 3 WHEN 0 THEN 'plain' WHEN 1 THEN 'two words' ELSE '100%/\u00e9=?' END");
    if (!reader.ok()) return reader.status().to_string();
    const auto table = (*reader)->ToTable();
    if (!table.ok()) return table.status().ToString();
    return (*table)->column(0)->GetScalar(0).ValueOrDie()->ToString();
  }

  static std::string identities_up_to(int64_t last) {
    return std::to_string(last) + " " + std::to_string(last) + " " + std::to_string(last * (last + 1) / 2);
  }

  int64_t files() {
    const auto snapshot = table_->delta_table().snapshot();
    EXPECT_TRUE(snapshot.ok()) << snapshot.status().to_string();
    const auto described = (*snapshot)->describe(false);
    EXPECT_TRUE(described.ok()) << described.status().to_string();
    return described.ok() ? described->files : -1;
  }

  std::vector<std::string> objects() {
    std::vector<std::string> names;
    const auto entries = store().list("");
    EXPECT_TRUE(entries.ok()) << entries.status().to_string();
    for (const auto& entry : *entries) names.push_back(entry.path + " " + std::to_string(entry.size_bytes));
    return names;
  }

  engine::ObjectStore store() { return {*engine_, options_.url, true}; }

  void put_job(const std::string& state, int64_t version) {
    const std::string folder = "_weir/jobs/numbers/" + lake::padded(1);
    EXPECT_TRUE(store().put(folder + "/spec.json", R"({"table":"numbers"})").ok());
    EXPECT_TRUE(store()
                    .put(folder + "/progress.json",
                         R"({"state":")" + state + R"(","pinned_version":)" + std::to_string(version) + "}")
                    .ok());
  }

  test::LakeFolder lake_;
  lake::LakeOptions options_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<lake::DeltaLakeTable> table_;
  std::optional<pipeline::LakeLedger> ledger_;
};

// Of a writer far busier than any: more than one of its commits comes between any two looks at the table.
constexpr std::chrono::milliseconds kCommitInterval{5};

TEST_F(TableMaintenanceTest, CompactsBesideACommittingWriterThatNeverFails) {
  append_much(300);
  ASSERT_EQ(files(), 900);
  std::atomic<bool> done{false};
  Status writer;
  int64_t commits_beside = 0;
  std::jthread writing([&] {
    while (writer.ok() && (!done || commits_beside < 5)) {
      writer = append();
      ++commits_beside;
      std::this_thread::sleep_for(kCommitInterval);
    }
  });
  const StepReport compacted = step(Step::kCompact, at_once());
  done = true;
  writing.join();
  EXPECT_TRUE(writer.ok()) << writer.to_string();
  EXPECT_EQ(compacted.outcome, Outcome::kDone) << compacted.note;
  EXPECT_GE(compacted.files, 900);
  EXPECT_LE(files(), 3 + 3 * commits_beside);
  EXPECT_EQ(identities(), identities_up_to(ledger_->position().value));
  EXPECT_EQ(identities(151), identities_up_to(150 * kRowsPerCommit)) << "an old version stays as it was until a vacuum";
}

TEST_F(TableMaintenanceTest, VacuumEndsOldVersionsButNeverOneThatAJobReads) {
  append(20);
  const std::string now = identities();
  ASSERT_EQ(step(Step::kCompact, at_once()).outcome, Outcome::kDone);
  put_job("running", 11);
  StepReport vacuum = step(Step::kVacuum, at_once());
  EXPECT_EQ(vacuum.outcome, Outcome::kNothing) << vacuum.note;
  EXPECT_EQ(identities(11), identities_up_to(10 * kRowsPerCommit));
  put_job("done", 11);
  vacuum = step(Step::kVacuum, at_once());
  EXPECT_EQ(vacuum.outcome, Outcome::kDone) << vacuum.note;
  EXPECT_EQ(vacuum.files, 60);
  EXPECT_GT(vacuum.bytes, 60 * 1000);
  EXPECT_THAT(identities(11), HasSubstr("parquet"));
  EXPECT_EQ(identities(), now);
  append(1);
  EXPECT_EQ(identities(), identities_up_to(21 * kRowsPerCommit));
}

TEST_F(TableMaintenanceTest, VacuumSparesFilesOfACommitUnderWayAndSweepsThemLater) {
  append(1);
  const auto files = table_->write_files({rows(100)});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  Options options = at_once();
  options.retention = std::chrono::hours(1);
  EXPECT_EQ(step(Step::kVacuum, options).outcome, Outcome::kNothing);
  const StepReport swept = step(Step::kVacuum, at_once());
  EXPECT_EQ(swept.outcome, Outcome::kDone) << swept.note;
  EXPECT_EQ(swept.files, 3);
}

TEST_F(TableMaintenanceTest, VacuumSweepsWhatKilledWritesLeftBehind) {
  append(1);
  for (const char* name : {"numbers/x.parquet#17", "numbers/_delta_log/y.json#18", "_weir/z.json#19", "_weir/kept#a"}) {
    std::filesystem::create_directories((lake_.path() / name).parent_path());
    std::ofstream(lake_.path() / name) << "half";
  }
  Options options = at_once();
  options.retention = std::chrono::hours(1);
  EXPECT_EQ(step(Step::kVacuum, options).outcome, Outcome::kNothing) << "somebody may still be writing them";
  const StepReport swept = step(Step::kVacuum, at_once());
  EXPECT_EQ(swept.outcome, Outcome::kDone) << swept.note;
  EXPECT_EQ(swept.files, 3);
  EXPECT_EQ(swept.bytes, 12);
  EXPECT_TRUE(std::filesystem::exists(lake_.path() / "_weir/kept#a"));
}

TEST_F(TableMaintenanceTest, VacuumWaitsForAJobWhoseVersionIsOutOfTheLog) {
  append(1);
  put_job("paused", 1'000);
  const StepReport vacuum = step(Step::kVacuum, at_once());
  EXPECT_EQ(vacuum.outcome, Outcome::kSkipped);
  EXPECT_THAT(vacuum.note, HasSubstr("backfill job 1 still reads version 1000"));
}

TEST_F(TableMaintenanceTest, ADryRunSaysWhatWouldBeDoneAndChangesNothing) {
  append(40);
  const auto before = objects();
  Options options = at_once();
  options.dry_run = true;
  const auto reports = maintain(options);
  EXPECT_EQ(objects(), before);
  ASSERT_EQ(reports.size(), 4U);
  EXPECT_EQ(reports[0].outcome, Outcome::kWould);
  EXPECT_EQ(reports[0].files, 120);
  EXPECT_EQ(reports[0].versions, 1);
  EXPECT_EQ(reports[1].outcome, Outcome::kWould);
  EXPECT_EQ(reports[1].versions, 42) << "versions 0 (creation) and 1 (take-over) are commits too";
}

TEST_F(TableMaintenanceTest, TwoMaintenancesOfATableDoTheWorkOnce) {
  append(30);
  std::vector<StepReport> reports(2);
  {
    std::vector<std::jthread> threads;
    for (StepReport& report : reports) {
      threads.emplace_back([&] { report = step(Step::kCompact, at_once()); });
    }
  }
  for (const StepReport& report : reports) EXPECT_NE(report.outcome, Outcome::kFailed) << report.note;
  EXPECT_EQ(files(), 3);
  EXPECT_EQ(identities(), identities_up_to(30 * kRowsPerCommit));
}

TEST_F(TableMaintenanceTest, AWriterOutlivesACleanUpOfTheLogItStandsOn) {
  append(30);
  ASSERT_TRUE(table_->checkpoint().ok());
  const auto removed = table_->delta_table().clean_log({.retention_hours = 0, .dry_run = false});
  ASSERT_TRUE(removed.ok()) << removed.status().to_string();
  ASSERT_GE(removed->size(), 30U);
  Status status = append();
  if (!status.ok()) {
    EXPECT_EQ(status.disposition(), Disposition::kReconcile) << status.to_string();
    ASSERT_TRUE(ledger_->take_over().ok());
    status = append();
  }
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(identities(), identities_up_to(31 * kRowsPerCommit));
}

TEST_F(TableMaintenanceTest, CleanUpKeepsTheLogForAWeekAndAThousandVersions) {
  append(40);
  Options options = at_once();
  EXPECT_EQ(step(Step::kCleanLog, options).outcome, Outcome::kNothing) << "there are not even a thousand versions";
  options.log_versions_min = 10;
  EXPECT_EQ(step(Step::kCleanLog, options).outcome, Outcome::kNothing) << "all of them are younger than a week";
  EXPECT_EQ(identities(2), identities_up_to(kRowsPerCommit));
}

TEST_F(TableMaintenanceTest, SortsByTheOrderColumnsThatDoNotPartition) {
  append(20);
  Options options = at_once();
  options.sort = true;
  const StepReport compacted = step(Step::kCompact, options);
  EXPECT_EQ(compacted.outcome, Outcome::kDone) << compacted.note;
  EXPECT_EQ(files(), 3);
  EXPECT_EQ(identities(), identities_up_to(20 * kRowsPerCommit));
}

TEST_F(TableMaintenanceTest, StopsBetweenTwoCommits) {
  append(10);
  Options options = at_once();
  options.steps = {Step::kCompact, Step::kVacuum};
  std::stop_source stop;
  stop.request_stop();
  auto maintenance = TableMaintenance::open(*engine_, system_clock(), options_, "numbers", {});
  ASSERT_TRUE(maintenance.ok());
  EXPECT_TRUE((*maintenance)->run(options, stop.get_token()).empty());
  EXPECT_EQ(files(), 30);
}

TEST_F(TableMaintenanceTest, NothingIsDoneTwice) {
  append(40);
  EXPECT_THAT(maintain(at_once()), Each(Field(&StepReport::outcome, testing::Ne(Outcome::kFailed))));
  EXPECT_EQ(step(Step::kCompact, at_once()).outcome, Outcome::kNothing);
  EXPECT_EQ(step(Step::kCheckpoint, at_once()).outcome, Outcome::kNothing);
  EXPECT_EQ(step(Step::kVacuum, at_once()).outcome, Outcome::kNothing);
}

}  // namespace
}  // namespace weir::maintain
