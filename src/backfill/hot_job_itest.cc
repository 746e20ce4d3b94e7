// Jobs against a real lake and a real ClickHouse; NATS KV is a fake.
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "backfill/hot_job_runner.h"
#include "base/clock.h"
#include "clickhouse/hot_table.h"
#include "pipeline/hot_sink.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/support/clickhouse_server.h"
#include "tests/support/lake_folder.h"

namespace weir::backfill {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr int32_t kDay = 20'514;  // 2026-03-02
constexpr int64_t kTimeUs = 1'772'409'600'000'000;

Plan plan_of(const std::string& table) {
  return {.table = table,
          .rows = {{"n", {.kind = TypeKind::kInt64}, true}, {"day", {.kind = TypeKind::kDate}, false}},
          .partition_by = {"day"},
          .order_by = {"day"}};
}

SeqRange range(int64_t first, int64_t last) { return {Seq{first}, Seq{last}}; }

// n = 10 * _seq; days in turn; stored one microsecond after another.
std::shared_ptr<arrow::RecordBatch> rows_of(SeqRange seqs, int32_t shard, const std::vector<int32_t>& days) {
  arrow::Int64Builder n;
  arrow::Date32Builder day;
  arrow::Int32Builder shards;
  arrow::Int64Builder seq_column;
  arrow::Int32Builder row;
  arrow::TimestampBuilder time(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subject;
  for (int64_t seq = seqs.first.value; seq <= seqs.last.value; ++seq) {
    EXPECT_TRUE(n.Append(seq * 10).ok() && day.Append(days[static_cast<size_t>(seq) % days.size()]).ok());
    EXPECT_TRUE(shards.Append(shard).ok() && seq_column.Append(seq).ok() && row.Append(0).ok());
    EXPECT_TRUE(time.Append(kTimeUs + seq).ok() && subject.Append("s").ok());
  }
  return arrow::RecordBatch::Make(row_arrow_schema(plan_of("t")), seqs.length(),
                                  {n.Finish().ValueOrDie(), day.Finish().ValueOrDie(), shards.Finish().ValueOrDie(),
                                   seq_column.Finish().ValueOrDie(), row.Finish().ValueOrDie(),
                                   time.Finish().ValueOrDie(), subject.Finish().ValueOrDie()});
}

class HotJob : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::ClickHouseServer>(); }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    static int number = 0;
    plan_ = std::make_shared<const Plan>(plan_of("t" + std::to_string(++number)));
    engine_ = engine::Engine::open({}).value();
    objects_ = std::make_unique<engine::ObjectStore>(*engine_, lake_.url(), true);
    jobs_ = std::make_unique<JobStore>(*objects_);
    lake_table_ = lake::DeltaLakeTable::open_or_create(
                      *engine_, {.url = lake_.url()},
                      lake::rows_definition(*plan_, {.pipeline = "p", .stream = "S", .shards = 1}, Seq{1}))
                      .value();
    client_ = clickhouse::Client::open(server_->options()).value();
    hot_table_ = clickhouse::ClickHouseHotTable::open(*client_, system_clock(), *plan_, {.pipeline = "p"}).value();
  }

  void append(SeqRange seqs, int32_t shard = 0, const std::vector<int32_t>& days = {kDay}) {
    const auto files = lake_table_->write_files({rows_of(seqs, shard, days)});
    ASSERT_TRUE(files.ok()) << files.status().to_string();
    const auto base = lake_table_->snapshot().value();
    const auto committed =
        lake_table_->commit(*base, files->get(), {{position_app_id(plan_->table, shard), seqs.last.value}}, "{}");
    ASSERT_TRUE(committed.ok()) << committed.status().to_string();
  }

  /// The live path stands at `position` and has written nothing.
  void begin_live(Seq position) {
    live_ = std::make_unique<pipeline::HotSink>(
        *hot_table_, key_value_,
        pipeline::HotSinkOptions{.table = plan_->table, .shard = 0, .epoch = Epoch{3}, .lake_position = position},
        [](RowId, const std::string&) { return ok_status(); });
    const auto resolved = live_->resolve();
    ASSERT_TRUE(resolved.ok()) << resolved.status().to_string();
  }

  JobRecord create(JobSpec spec = {}) {
    spec.table = plan_->table;
    auto job = jobs_->create(std::move(spec), {}, "p.toml");
    EXPECT_TRUE(job.ok()) << job.status().to_string();
    return std::move(*job);
  }

  /// Executes the job; one unit a file, so that there are several.
  Status execute(const JobRecord& job, const std::stop_token& stop = {}) {
    HotJobPorts ports{.engine = *engine_,
                      .objects = *objects_,
                      .lake_table = *lake_table_,
                      .plan = plan_,
                      .clickhouse = {.table = *hot_table_,
                                     .key_value = key_value_,
                                     .live = {.look_again =
                                                  [this](const std::stop_token&) {
                                                    std::lock_guard lock(live_mutex_);
                                                    return live_->resolve().status();
                                                  },
                                              .skip_ahead = [](const std::stop_token&) { return ok_status(); }},
                                     .quarantine = [](int32_t, RowId, const std::string&) { return ok_status(); }},
                      .clock = system_clock(),
                      .log = *log_};
    HotJobOptions options;
    options.epoch = Epoch{3};
    options.holder = "test:1";
    options.parallelism = 2;
    options.poll_interval = std::chrono::milliseconds(20);
    options.unit.files_max = 1;
    HotJobRunner runner(std::move(ports), options, job);
    return runner.run(stop);
  }

  JobRecord bring(JobSpec spec = {}) {
    const JobRecord job = create(std::move(spec));
    const Status status = execute(job);
    EXPECT_TRUE(status.ok()) << status.to_string();
    return again(job);
  }

  JobRecord again(const JobRecord& job) { return jobs_->read(job.spec.table, job.spec.number).value(); }

  std::string name() const { return "weir_test." + plan_->table; }
  std::string query(const std::string& sql) {
    const auto rows = client_->query_rows({.sql = sql});
    if (!rows.ok()) return rows.status().to_string();
    return rows->empty() ? "no row" : rows->front().front();
  }
  /// "rows/identities lowest..highest" of a shard.
  std::string there(int32_t shard = 0) {
    return query(
        "SELECT concat(toString(count()), '/', toString(uniqExact(_seq, _row)), ' ', toString(min(_seq)), '..', "
        "toString(max(_seq))) FROM " +
        name() + " WHERE _shard = " + std::to_string(shard));
  }

  static std::unique_ptr<test::ClickHouseServer> server_;
  test::LakeFolder lake_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::ObjectStore> objects_;
  std::unique_ptr<JobStore> jobs_;
  std::unique_ptr<lake::DeltaLakeTable> lake_table_;
  std::unique_ptr<clickhouse::Client> client_;
  std::unique_ptr<clickhouse::ClickHouseHotTable> hot_table_;
  fakes::KeyValueState key_value_state_;
  fakes::FakeKeyValue key_value_{key_value_state_, {}};
  std::mutex live_mutex_;
  std::unique_ptr<pipeline::HotSink> live_;
  const std::unique_ptr<Logger> log_ = Logger::discard();
};
std::unique_ptr<test::ClickHouseServer> HotJob::server_;

TEST_F(HotJob, BringsEveryRowUpToTheHandOverAndNoneAboveIt) {
  append(range(1, 400), 0, {kDay, kDay + 1});
  append(range(401, 700));
  append(range(701, 1'000));
  begin_live(Seq{600});
  const JobRecord job = bring();
  EXPECT_EQ(job.state(), JobState::kDone) << job.progress.last_error;
  EXPECT_EQ(there(), "600/600 1..600");
  EXPECT_EQ(query("SELECT sum(n) FROM " + name()), "1803000");
  EXPECT_EQ(job.progress.pin->hand_over(), Seq{600});
  EXPECT_EQ(job.progress.rows, 600);
  EXPECT_EQ(job.progress.rows_left_out, 100);
  EXPECT_EQ(job.progress.rows_total, 700);
  EXPECT_EQ(job.progress.done.count(), job.progress.units_total);
  EXPECT_EQ(job.progress.pin->clickhouse_uuid, hot_table_->table_id().value());
}

TEST_F(HotJob, DoublesNothingWhenRowsAreThereAlready) {
  append(range(1, 500));
  append(range(501, 900));
  begin_live(Seq{900});
  (void)bring();
  (void)bring({.order = UnitOrder::kOldestFirst});
  EXPECT_EQ(there(), "900/900 1..900");
}

TEST_F(HotJob, BringsRowsOfFilesToTheirOwnEnds) {
  append(range(1, 100));
  append(range(1, 5'000), -1);
  append(range(1, 70), -2);
  begin_live(Seq{100});
  const JobRecord job = bring();
  EXPECT_EQ(there(), "100/100 1..100");
  EXPECT_EQ(there(-1), "5000/5000 1..5000");
  EXPECT_EQ(there(-2), "70/70 1..70");
  EXPECT_EQ(job.progress.pin->upper.at(-1), Seq{5'000});
}

TEST_F(HotJob, LeavesOutWhatWherePartitionAndRetentionDoNotMean) {
  append(range(1, 1'000), 0, {kDay, kDay + 1});
  begin_live(Seq{1'000});
  const JobRecord job =
      bring({.where = "n > 5000 -- a comment", .partitions = {{"day", "2026-03-02"}}, .keep_from_us = kTimeUs + 800});
  EXPECT_EQ(job.state(), JobState::kDone) << job.progress.last_error;
  EXPECT_EQ(there(), "101/101 800..1000");  // Even sequences from 800 on.
  EXPECT_EQ(job.progress.rows_left_out, 399);
  EXPECT_FALSE(job.spec.covers_table());
}

TEST_F(HotJob, GoesOnWithTheUnitsThatAreNotDone) {
  append(range(1, 100));
  append(range(101, 200));
  append(range(201, 300));
  begin_live(Seq{300});
  JobRecord job = bring();
  // What was done is not looked at again: a row that somebody deletes from it stays away.
  job.progress.state = JobState::kRunning;
  job.progress.done = {};
  job.progress.done.add(1);
  ASSERT_TRUE(jobs_->put_progress(job.spec, job.progress).ok());
  ASSERT_TRUE(
      client_
          ->execute({.sql = "ALTER TABLE " + name() + " DELETE WHERE _seq IN (150, 250) SETTINGS mutations_sync = 2"})
          .ok());
  ASSERT_TRUE(execute(job).ok());
  EXPECT_EQ(there(), "299/299 1..300");
  EXPECT_EQ(query("SELECT count() FROM " + name() + " WHERE _seq = 150"), "0");
  EXPECT_EQ(again(job).state(), JobState::kDone);
}

TEST_F(HotJob, StartsOverWhenTheTableIsAnotherOneOrWasEmptied) {
  append(range(1, 100));
  append(range(101, 200));
  begin_live(Seq{200});
  JobRecord job = bring();
  for (const std::string& statement : {"DROP TABLE " + name() + " SYNC", "TRUNCATE TABLE " + name()}) {
    ASSERT_TRUE(client_->execute({.sql = statement}).ok());
    job.progress.state = JobState::kRunning;  // As if it had been killed before its last word.
    ASSERT_TRUE(jobs_->put_progress(job.spec, job.progress).ok());
    ASSERT_TRUE(execute(job).ok());
    job = again(job);
    EXPECT_EQ(job.state(), JobState::kDone) << job.progress.last_error;
    EXPECT_EQ(there(), "200/200 1..200") << statement;
    EXPECT_EQ(job.progress.rows, 200);
  }
}

TEST_F(HotJob, PausesGoesOnAndIsCancelledAtOnce) {
  for (int i = 0; i < 6; ++i) append(range(i * 100 + 1, i * 100 + 100));
  begin_live(Seq{600});
  const JobRecord job = create();
  ASSERT_TRUE(jobs_->put_control(job.spec, {.wish = JobWish::kRun, .rows_per_second = 100}).ok());
  const auto ask_when_some_are_done = [&](JobWish wish, int64_t done) {
    return std::jthread([this, &job, wish, done] {
      while (again(job).progress.done.count() < done) std::this_thread::sleep_for(std::chrono::milliseconds(10));
      EXPECT_TRUE(jobs_->put_control(job.spec, {.wish = wish, .rows_per_second = 100}).ok());
    });
  };
  {
    const auto asking = ask_when_some_are_done(JobWish::kPause, 1);
    ASSERT_TRUE(execute(job).ok());
  }
  const JobRecord paused = again(job);
  EXPECT_EQ(paused.state(), JobState::kPaused);
  EXPECT_LT(paused.progress.done.count(), 6);
  ASSERT_TRUE(jobs_->put_control(job.spec, {.wish = JobWish::kRun, .rows_per_second = 100}).ok());
  {
    const auto asking = ask_when_some_are_done(JobWish::kCancel, paused.progress.done.count() + 1);
    ASSERT_TRUE(execute(paused).ok());
  }
  EXPECT_EQ(again(job).state(), JobState::kCancelled);
  EXPECT_EQ(again(job).progress.state, JobState::kCancelled);
}

TEST_F(HotJob, StoppedOneIsLeftToWhoeverComesNext) {
  append(range(1, 100));
  append(range(101, 200));
  begin_live(Seq{200});
  const JobRecord job = create();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(execute(job, stop.get_token()).code(), StatusCode::kShuttingDown);
  EXPECT_EQ(again(job).state(), JobState::kPending);
  ASSERT_TRUE(execute(again(job)).ok());
  EXPECT_EQ(there(), "200/200 1..200");
}

TEST_F(HotJob, LeavesAJobAloneThatANewerProcessHasTaken) {
  append(range(1, 100));
  begin_live(Seq{100});
  JobRecord job = create();
  job.progress.epoch = Epoch{9};
  job.progress.holder = "newer:1";
  ASSERT_TRUE(jobs_->put_progress(job.spec, job.progress).ok());
  job.progress.epoch = Epoch{0};
  EXPECT_EQ(execute(job).code(), StatusCode::kFenced);
  EXPECT_EQ(again(job).progress.holder, "newer:1");
}

TEST_F(HotJob, FailsNamingTheFileThatAnotherToolRemoved) {
  append(range(1, 100));
  append(range(101, 200));
  begin_live(Seq{200});
  for (const auto& entry : std::filesystem::recursive_directory_iterator(lake_.path() / plan_->table)) {
    if (entry.path().extension() != ".parquet") continue;
    std::filesystem::remove(entry.path());
    break;
  }
  const JobRecord job = bring();
  EXPECT_EQ(job.state(), JobState::kFailed);
  EXPECT_THAT(job.progress.last_error, AllOf(HasSubstr(".parquet"), HasSubstr("is gone"), HasSubstr("version 2"),
                                             HasSubstr("start the backfill again")));
}

TEST_F(HotJob, FailsWhenThePinnedVersionCanNoLongerBeRead) {
  append(range(1, 100));
  begin_live(Seq{100});
  JobRecord job = bring();
  job.progress.state = JobState::kRunning;
  job.progress.pin->version = 1'000;
  ASSERT_TRUE(execute(job).ok());
  job = again(job);
  EXPECT_EQ(job.state(), JobState::kFailed);
  EXPECT_THAT(job.progress.last_error, AllOf(HasSubstr("version 1000"), HasSubstr("start the backfill again")));
}

TEST_F(HotJob, ReadsNullInAColumnThatIsYoungerThanThePinnedVersion) {
  append(range(1, 100));
  begin_live(Seq{100});
  Plan wider = *plan_;
  wider.rows.insert(wider.rows.begin(), {"later", {.kind = TypeKind::kString}, true});
  plan_ = std::make_shared<const Plan>(wider);
  ASSERT_TRUE(client_->execute({.sql = "ALTER TABLE " + name() + " ADD COLUMN later Nullable(String) FIRST"}).ok());
  hot_table_ = clickhouse::ClickHouseHotTable::open(*client_, system_clock(), *plan_, {.pipeline = "p"}).value();
  begin_live(Seq{100});
  const JobRecord job = bring();
  EXPECT_EQ(job.state(), JobState::kDone) << job.progress.last_error;
  EXPECT_EQ(there(), "100/100 1..100");
  EXPECT_EQ(query("SELECT countIf(later IS NULL) FROM " + name()), "100");
}

TEST_F(HotJob, RefusesAWhereThatIsNoPredicateOnOneRow) {
  append(range(1, 10));
  const auto snapshot = lake_table_->snapshot().value();
  const auto check = [&](const std::string& where) {
    return check_predicate(*engine_, *lake::engine_snapshot(*snapshot), {.table = plan_->table, .where = where});
  };
  const std::string t = plan_->table;
  for (const std::string& good : {std::string("n > 5"), std::string("day = DATE '2026-03-02' OR n IS NULL -- x"),
                                  t + ".n BETWEEN 1 AND 2", std::string("_seq % 2 = 0 AND _subject LIKE 's%'")}) {
    EXPECT_TRUE(check(good).ok()) << good << ": " << check(good).to_string();
  }
  for (const std::string& bad :
       {std::string("n +"), std::string("n"), std::string("nn > 5"), std::string("count(*) > 1"), std::string("1"),
        std::string("n > 1) OR (n < 1"), std::string("n > 1; DROP TABLE x"), "n > (SELECT max(n) FROM " + t + ")",
        "n IN (SELECT n FROM " + t + ")", std::string("n > 5 ORDER BY n"), std::string("row_number() OVER () = 1")}) {
    const Status status = check(bad);
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << bad;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("--where \"" + bad + "\""), HasSubstr("table " + t)));
  }
}

}  // namespace
}  // namespace weir::backfill
