#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>

#include "engine/delta_table.h"
#include "engine/engine.h"
#include "engine/object_store.h"
#include "engine/query.h"
#include "engine/sql_plan.h"
#include "tests/support/event_tables.h"

namespace weir::engine {
namespace {

using testing::HasSubstr;

using EngineTest = test::EventTables;

using test::events;
using test::events_schema;

TEST_F(EngineTest, ATableIsCreatedOnceWithItsPropertiesAndTransactions) {
  const auto table =
      create("t", {.properties = {{"weir.pipeline", "p"}, {"delta.appendOnly", "true"}}, .txns = {{"weir/t/0", 41}}});
  ASSERT_NE(table, nullptr);
  const auto again = DeltaTable::create(*engine_, url("t"), {}, *events_schema(), {});
  EXPECT_EQ(again.status().code(), StatusCode::kAlreadyExists) << again.status().to_string();

  const auto opened = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(opened.ok()) << opened.status().to_string();
  const auto snapshot = (*opened)->snapshot();
  ASSERT_TRUE(snapshot.ok());
  EXPECT_EQ((*snapshot)->version(), 0);
  EXPECT_EQ(*(*snapshot)->txn("weir/t/0"), 41);
  EXPECT_EQ(*(*snapshot)->txn("weir/t/1"), std::nullopt);
  const auto description = (*snapshot)->describe(true);
  ASSERT_TRUE(description.ok()) << description.status().to_string();
  EXPECT_EQ(description->properties.at("weir.pipeline"), "p");
  EXPECT_EQ(description->txns.at("weir/t/0"), 41);
  EXPECT_EQ(description->files, 0);
}

TEST_F(EngineTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(DeltaTable::open(*engine_, url("absent"), {}).status().code(), StatusCode::kNotFound);
  const auto table = create("t");
  ASSERT_NE(table, nullptr);
  EXPECT_EQ(table->snapshot(99).status().code(), StatusCode::kNotFound);
}

TEST_F(EngineTest, ATimeStandsForTheNewestVersionCommittedUntilThen) {
  const auto table = create("t", {.txns = {{"weir/t/0", 0}}});
  auto newest = append(*table, **table->snapshot(), 1, 1);
  for (int64_t seq = 2; seq <= 3; ++seq) newest = append(*table, *newest, seq, seq);
  // Version 2 says that it is older than version 1, as after a step of the writer's clock.
  const auto at = [](int64_t unix_ms) {
    return std::filesystem::file_time_type(std::chrono::file_clock::from_sys(
        std::chrono::sys_time<std::chrono::milliseconds>(std::chrono::milliseconds(unix_ms))));
  };
  const auto log = lake_.path() / "t" / "_delta_log";
  const std::vector<int64_t> written_ms = {1'000'000, 2'000'000, 1'500'000, 3'000'000};
  for (size_t version = 0; version < written_ms.size(); ++version) {
    std::filesystem::last_write_time(log / ("0000000000000000000" + std::to_string(version) + ".json"),
                                     at(written_ms[version]));
  }
  const auto version_at = [&](int64_t unix_ms) { return (*table->snapshot_at(unix_ms))->version(); };
  EXPECT_EQ(version_at(1'000'000), 0);
  EXPECT_EQ(version_at(1'999'999), 0);
  EXPECT_EQ(version_at(2'000'000), 1);
  EXPECT_EQ(version_at(2'000'001), 2);
  EXPECT_EQ(version_at(9'000'000'000'000), 3);
  EXPECT_EQ(table->snapshot_at(999'999).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(table->snapshot_at(-1).status().code(), StatusCode::kInvalidArgument);

  ASSERT_TRUE(table->checkpoint().ok());
  std::filesystem::remove(log / "00000000000000000000.json");
  EXPECT_EQ(version_at(3'000'000), 3);
  EXPECT_EQ(table->snapshot_at(2'000'000).status().code(), StatusCode::kNotFound) << "its log is no longer there";
}

TEST_F(EngineTest, ACommitMakesRowsAndPositionVisibleTogether) {
  const auto table = create("t", {.txns = {{"weir/t/0", 0}}});
  const auto base = table->snapshot();
  ASSERT_TRUE(base.ok());
  const auto files = table->write(events_schema(), {events(1, 60), events(61, 100)}, {});
  ASSERT_TRUE(files.ok()) << files.status().to_string();
  EXPECT_EQ((*files)->rows(), 100);
  EXPECT_GT((*files)->bytes(), 0);
  EXPECT_EQ(count(**table->snapshot()), 0);

  const auto committed = table->commit(**base, files->get(), {{"weir/t/0", 100}}, "{}");
  ASSERT_TRUE(committed.ok()) << committed.status().to_string();
  EXPECT_EQ(*(*committed)->txn("weir/t/0"), 100);
  EXPECT_EQ((*committed)->version(), 1);
  EXPECT_EQ(count(**committed), 100);
  EXPECT_EQ(count(**committed, "_seq > 60 AND name = 'e61'"), 1);
  EXPECT_EQ(count(**base), 0);
}

TEST_F(EngineTest, OfTwoCommitsOnOneBaseThatMoveOnePositionOneLands) {
  const auto table = create("t", {.txns = {{"weir/t/0", 0}, {"weir/t/1", 0}}});
  const auto base = table->snapshot();
  ASSERT_TRUE(base.ok());
  ASSERT_NE(append(*table, **base, 1, 10), nullptr);

  const auto rival = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(rival.ok());
  const auto files = (*rival)->write(events_schema(), {events(1, 10)}, {});
  ASSERT_TRUE(files.ok());
  EXPECT_EQ((*rival)->commit(**base, files->get(), {{"weir/t/0", 10}}, "").status().code(), StatusCode::kConflict);
  const auto other = (*rival)->commit(**base, files->get(), {{"weir/t/1", 10}}, "");
  ASSERT_TRUE(other.ok()) << other.status().to_string();
  EXPECT_EQ(*(*other)->txn("weir/t/0"), 10);
  EXPECT_EQ(count(**other), 20);
}

TEST_F(EngineTest, RowsThatAreNotTheTablesAreRefusedBeforeAnythingIsWritten) {
  const auto table = create("t");
  const auto schema = arrow::schema({arrow::field("name", arrow::utf8(), false)});
  const auto batch =
      arrow::RecordBatch::Make(schema, 1, {arrow::json::ArrayFromJSONString(arrow::utf8(), R"(["a"])").ValueOrDie()});
  const auto files = table->write(schema, {batch}, {});
  EXPECT_EQ(files.status().code(), StatusCode::kInvalidArgument) << files.status().to_string();
}

TEST_F(EngineTest, ACheckpointKeepsRowsAndPositionsAndSoDoesCompaction) {
  const auto table = create("t", {.properties = {{"delta.appendOnly", "true"}}, .txns = {{"weir/t/0", 0}}});
  auto snapshot = table->snapshot();
  ASSERT_TRUE(snapshot.ok());
  std::unique_ptr<Snapshot> newest = std::move(snapshot).value();
  for (int64_t i = 0; i < 12; ++i) newest = append(*table, *newest, i * 10 + 1, i * 10 + 10);
  const auto checkpointed = table->checkpoint();
  ASSERT_TRUE(checkpointed.ok()) << checkpointed.status().to_string();
  EXPECT_EQ(*checkpointed, 12);
  const auto compacted = table->optimize({});
  ASSERT_TRUE(compacted.ok()) << compacted.status().to_string();
  EXPECT_EQ(compacted->files_removed, 12);
  EXPECT_EQ(compacted->files_added, 1);
  newest = append(*table, *newest, 121, 130);
  ASSERT_NE(newest, nullptr) << "an append on a base from before the compaction";

  const auto reopened = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(reopened.ok());
  const auto read = (*reopened)->snapshot();
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*(*read)->txn("weir/t/0"), 130);
  EXPECT_EQ(count(**read), 130);

  const auto refused = (*reopened)->vacuum({.retention_hours = 0});
  EXPECT_FALSE(refused.ok());
  const auto deletable = (*reopened)->vacuum({.retention_hours = 0, .dry_run = true, .enforce_retention = false});
  ASSERT_TRUE(deletable.ok()) << deletable.status().to_string();
  EXPECT_EQ(deletable->size(), 12U);
  EXPECT_EQ(count(**read), 130);
}

TEST_F(EngineTest, AQueryCannotChangeAnythingAndSaysWhatIsWrong) {
  const auto table = create("t");
  const auto snapshot = table->snapshot();
  const auto run = [&](const std::string& sql) { return query(*engine_, {{"t", snapshot->get()}}, sql).status(); };
  EXPECT_EQ(run("SELECT nothing FROM t").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(run("DROP TABLE t").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(run("COPY t TO '/tmp/x'").code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, AReaderOutlivesTheSnapshotAndTheEngine) {
  auto table = create("t", {.txns = {{"weir/t/0", 0}}});
  auto base = table->snapshot();
  auto snapshot = append(*table, **base, 1, 1'000);
  auto rows = query(*engine_, {{"t", snapshot.get()}}, "SELECT * FROM t ORDER BY _seq");
  ASSERT_TRUE(rows.ok());
  snapshot.reset();
  base->reset();
  table.reset();
  engine_.reset();
  EXPECT_EQ((*rows)->ToTable().ValueOrDie()->num_rows(), 1'000);
}

TEST_F(EngineTest, APlanRunsRowWiseAndSaysWhenTheDataIsAtFault) {
  auto plan = SqlPlan::compile(*engine_, events_schema(),
                               "SELECT *, 100 / (length(name) - 3) AS q FROM input WHERE name <> 'e1'");
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();
  EXPECT_EQ((*plan)->output_schema()->ToString(false), "name: string not null\nq: int64\n_seq: int64 not null");
  const auto passed = (*plan)->run(*events(1, 9));
  ASSERT_TRUE(passed.ok()) << passed.status().to_string();
  EXPECT_EQ((*passed)->num_rows(), 8);
  EXPECT_TRUE((*passed)->schema()->Equals(*(*plan)->output_schema()));
  EXPECT_TRUE((*plan)->run(*events(100, 102)).ok());
  EXPECT_EQ((*plan)->run(*events(9, 12)).status().code(), StatusCode::kRejected);
  EXPECT_EQ((*plan)->run(*events(1, 9)->Slice(2, 3)).value()->num_rows(), 3);

  const auto other = events(1, 3)->RenameColumns({"nom", "_seq"}).ValueOrDie();
  EXPECT_EQ((*plan)->run(*other).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, SqlThatIsNotRowWiseIsRefusedAtCompileTime) {
  const auto compile = [&](const std::string& sql) {
    return SqlPlan::compile(*engine_, events_schema(), sql).status();
  };
  EXPECT_EQ(compile("SELECT count(*) FROM input").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(compile("SELECT * FROM input ORDER BY name").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(compile("SELECT random() AS r FROM input").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(compile("SELEC").code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, AnObjectIsCreatedOnceByWhomeverComesFirst) {
  const ObjectStore objects(*engine_, lake_.url(), /*sync=*/true);
  EXPECT_TRUE(objects.put_if_absent("_weir/a/1.json", "first").ok());
  EXPECT_EQ(objects.put_if_absent("_weir/a/1.json", "second").code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(*objects.get("_weir/a/1.json"), "first");
  EXPECT_TRUE(objects.put("_weir/a/1.json", "third").ok());
  EXPECT_EQ(*objects.get("_weir/a/1.json"), "third");
  EXPECT_EQ(objects.get("_weir/a/2.json").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(objects.put_if_absent("_weir/b/2.json", std::string("\0\xff", 2)).ok());
  EXPECT_EQ(objects.get("_weir/b/2.json")->size(), 2U);

  const auto all = objects.list("_weir");
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 2U);
  EXPECT_EQ((*all)[0].path, "_weir/a/1.json");
  EXPECT_EQ((*all)[1].size_bytes, 2);
  EXPECT_TRUE(objects.list("_weir/none")->empty());
}

TEST_F(EngineTest, ARemovedObjectIsGoneAndMayBeRemovedAgain) {
  const ObjectStore objects(*engine_, lake_.url(), /*sync=*/true);
  ASSERT_TRUE(objects.put("_weir/jobs/1.json", "{}").ok());
  EXPECT_TRUE(objects.remove("_weir/jobs/1.json").ok());
  EXPECT_EQ(objects.get("_weir/jobs/1.json").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(objects.remove("_weir/jobs/1.json").ok());
  EXPECT_TRUE(objects.remove("_weir/no/such/folder").ok());
  EXPECT_TRUE(objects.put_if_absent("_weir/jobs/1.json", "{}").ok());
  EXPECT_EQ(objects.remove("a/../b").code(), StatusCode::kInvalidArgument);
}

TEST_F(EngineTest, OfManyWhoCreateOneObjectAtOnceOneSucceeds) {
  const ObjectStore objects(*engine_, lake_.url(), /*sync=*/false);
  std::atomic<int> created{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&, i] { created += objects.put_if_absent("_weir/one", std::to_string(i)).ok() ? 1 : 0; });
    }
  }
  EXPECT_EQ(created, 1);
}

TEST_F(EngineTest, ALocalLakePassesTheProbeEveryTime) {
  const ObjectStore objects(*engine_, lake_.url(), /*sync=*/true);
  EXPECT_TRUE(objects.probe_put_if_absent("_weir/probe").ok());
  EXPECT_TRUE(objects.probe_put_if_absent("_weir/probe").ok());
}

}  // namespace
}  // namespace weir::engine
