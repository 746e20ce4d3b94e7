#include <arrow/array.h>
#include <arrow/json/from_string.h>
#include <arrow/record_batch.h>
#include <arrow/table.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "engine/query.h"
#include "tests/support/event_tables.h"

namespace weir::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class MaintenanceTest : public test::EventTables {
 protected:
  // A table of events 1..commits, each with a commit and a file of its own.
  std::unique_ptr<DeltaTable> table_of(int64_t commits, CreateOptions options = {}) {
    options.txns = {{"weir/t/0", 0}};
    auto table = create("t", options);
    auto newest = std::move(table->snapshot()).value();
    for (int64_t seq = 1; seq <= commits; ++seq) newest = append(*table, *newest, seq, seq);
    return table;
  }

  // Appends events first..last, one commit each, as whoever tails a stream does: on the snapshot of the commit before.
  void ingest(DeltaTable& table, int64_t first, int64_t last) {
    auto opened = table.snapshot();
    ASSERT_TRUE(opened.ok());
    std::unique_ptr<Snapshot> base = std::move(opened).value();
    for (int64_t seq = first; seq <= last; ++seq) {
      const auto files = table.write(test::events_schema(), {test::events(seq, seq)}, {});
      ASSERT_TRUE(files.ok()) << files.status().to_string();
      auto landed = table.commit(*base, files->get(), {{"weir/t/0", seq}}, "");
      // Others may be faster for long: that is not a failure of the commit.
      while (landed.status().code() == StatusCode::kUnavailable) {
        landed = table.commit(*base, files->get(), {{"weir/t/0", seq}}, "");
      }
      ASSERT_TRUE(landed.ok()) << landed.status().to_string();
      base = std::move(landed).value();
    }
  }

  // Runs `work` again and again on a handle of its own, beside an ingest of events first..last.
  void while_ingesting(int64_t first, int64_t last, const std::vector<std::function<Status(DeltaTable&)>>& work) {
    std::atomic<bool> done{false};
    std::vector<std::jthread> workers;
    for (const auto& step : work) {
      workers.emplace_back([&, step] {
        const auto table = DeltaTable::open(*engine_, url("t"), {});
        ASSERT_TRUE(table.ok());
        while (!done) {
          const Status status = step(**table);
          // A conflict or a lost race costs a maintenance its work, not the table its rows.
          EXPECT_TRUE(status.ok() || status.code() == StatusCode::kConflict ||
                      status.code() == StatusCode::kUnavailable)
              << status.to_string();
        }
      });
    }
    const auto table = DeltaTable::open(*engine_, url("t"), {});
    ASSERT_TRUE(table.ok());
    ingest(**table, first, last);
    done = true;
  }

  std::filesystem::path log() const { return lake_.path() / "t" / "_delta_log"; }

  static std::string version_name(int64_t version) {
    const std::string digits = std::to_string(version);
    return std::string(20 - digits.size(), '0') + digits;
  }

  // Makes the entries first..last look as if they were written `hours` ago.
  void age(int64_t first, int64_t last, int hours) const {
    const auto then = std::filesystem::file_time_type::clock::now() - std::chrono::hours(hours);
    for (int64_t v = first; v <= last; ++v) std::filesystem::last_write_time(log() / (version_name(v) + ".json"), then);
  }
};

TEST_F(MaintenanceTest, DeletedRowsAreGoneInOneCommitWithItsTransactions) {
  const auto table = create("t", {.txns = {{"weir/t/0", 0}}});
  auto base = append(*table, **table->snapshot(), 1, 10);
  base = append(*table, *base, 11, 20);
  const auto deleted = table->delete_rows("_seq % 5 = 0 OR name = 'e1'", {{"weir/t/erasure", 3}}, R"({"why":"asked"})");
  ASSERT_TRUE(deleted.ok()) << deleted.status().to_string();
  EXPECT_EQ(deleted->rows_deleted, 5);
  EXPECT_EQ(deleted->version, base->version() + 1);
  const auto after = table->snapshot();
  EXPECT_EQ(count(**after), 15);
  EXPECT_EQ(count(**after, "_seq IN (1, 5, 10, 15, 20)"), 0);
  EXPECT_EQ(*(*after)->txn("weir/t/erasure"), 3);
  EXPECT_EQ(*(*after)->txn("weir/t/0"), 20);
  EXPECT_EQ(count(*base), 20) << "an older version keeps them";

  const auto whole_file = table->delete_rows("_seq <= 10", {}, "");
  ASSERT_TRUE(whole_file.ok()) << whole_file.status().to_string();
  EXPECT_EQ(whole_file->rows_deleted, 7);
  const auto all = table->delete_rows("true", {}, "");
  ASSERT_TRUE(all.ok()) << all.status().to_string();
  EXPECT_EQ(all->rows_deleted, 8);
  EXPECT_EQ(count(**table->snapshot()), 0);
}

TEST_F(MaintenanceTest, ARowForWhichTheConditionIsNullStays) {
  const auto schema = arrow::schema({arrow::field("v", arrow::int64())});
  const auto table = DeltaTable::create(*engine_, url("t"), {}, *schema, {});
  ASSERT_TRUE(table.ok());
  const auto rows = arrow::RecordBatch::Make(
      schema, 3, {arrow::json::ArrayFromJSONString(arrow::int64(), "[1, null, 2]").ValueOrDie()});
  const auto files = (*table)->write(schema, {rows}, {});
  ASSERT_TRUE((*table)->commit(**(*table)->snapshot(), files->get(), {}, "").ok());
  EXPECT_EQ((*table)->delete_rows("v <> 2", {}, "")->rows_deleted, 1);
  EXPECT_EQ(count(**(*table)->snapshot(), "v IS NULL OR v = 2"), 2);
}

TEST_F(MaintenanceTest, APartitionIsDeletedWithoutReadingItAndCounted) {
  const auto table = table_of(3, {.partition_columns = {"name"}});
  const auto deleted = table->delete_rows("name = 'e2'", {}, "");
  ASSERT_TRUE(deleted.ok()) << deleted.status().to_string();
  EXPECT_EQ(deleted->rows_deleted, 1);
  EXPECT_EQ(count(**table->snapshot()), 2);
}

TEST_F(MaintenanceTest, WithoutSuchRowsOnlyTheTransactionsAreCommitted) {
  const auto table = table_of(2);
  const auto nothing = table->delete_rows("_seq > 100", {}, "");
  ASSERT_TRUE(nothing.ok()) << nothing.status().to_string();
  EXPECT_EQ(nothing->rows_deleted, 0);
  EXPECT_EQ(nothing->version, 2);
  const auto recorded = table->delete_rows("_seq > 100", {{"weir/t/erasure", 1}}, "");
  ASSERT_TRUE(recorded.ok()) << recorded.status().to_string();
  EXPECT_EQ(recorded->version, 3);
  EXPECT_EQ(*(*table->snapshot())->txn("weir/t/erasure"), 1);
  EXPECT_EQ(count(**table->snapshot()), 2);
}

TEST_F(MaintenanceTest, ADeletionThatMakesNoSenseOrIsForbiddenIsRefused) {
  const auto table = table_of(1);
  for (const char* predicate : {"", " ", "nothing = 1", "_seq +", "_seq + 1", "\xff"}) {
    const Status refused = table->delete_rows(predicate, {}, "").status();
    EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << predicate << ": " << refused.to_string();
  }
  EXPECT_EQ(table->delete_rows("true", {}, "{").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ((*table->snapshot())->version(), 1);

  const auto kept = DeltaTable::create(*engine_, url("kept"), {}, *test::events_schema(),
                                       {.properties = {{"delta.appendOnly", "true"}}});
  ASSERT_TRUE(kept.ok());
  const Status refused = (*kept)->delete_rows("true", {}, "").status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.to_string(), HasSubstr("delta.appendOnly"));
}

TEST_F(MaintenanceTest, AnAppendOnABaseFromBeforeADeletionLands) {
  const auto table = table_of(3);
  const auto base = table->snapshot();
  ASSERT_TRUE(table->delete_rows("_seq = 2", {{"weir/t/erasure", 1}}, "").ok());
  const auto after = append(*table, **base, 4, 4);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(count(*after), 3);
  EXPECT_EQ(*after->txn("weir/t/erasure"), 1);

  ASSERT_TRUE(table->delete_rows("_seq = 3", {{"weir/t/0", 100}}, "").ok());
  const auto files = table->write(test::events_schema(), {test::events(5, 5)}, {});
  EXPECT_EQ(table->commit(*after, files->get(), {{"weir/t/0", 5}}, "").status().code(), StatusCode::kConflict)
      << "the fence holds over a deletion too";
}

TEST_F(MaintenanceTest, NoCommitFailsBecauseOfMaintenanceAndNoRowIsLostOrDoubled) {
  ASSERT_NE(table_of(10), nullptr);
  std::atomic<int64_t> round{0};
  while_ingesting(
      11, 60,
      {[](DeltaTable& t) { return t.optimize({}).status(); },
       [&](DeltaTable& t) {
         return t.delete_rows("_seq % 10 = 0", {{"weir/t/erasure", ++round}}, "").status();
       },
       [](DeltaTable& t) { return t.checkpoint().status(); }, [](DeltaTable& t) { return t.vacuum({}).status(); },
       [](DeltaTable& t) { return t.clean_log({.retention_hours = 1}).status(); }});
  const auto table = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(table.ok());
  ASSERT_TRUE((*table)->delete_rows("_seq % 10 = 0", {}, "").ok());
  const auto after = (*table)->snapshot();
  EXPECT_EQ(count(**after), 54);
  EXPECT_EQ(count(**after, "_seq % 10 = 0"), 0);
  EXPECT_EQ(*(*after)->txn("weir/t/0"), 60);
}

TEST_F(MaintenanceTest, CompactionsAndDeletionsBesideEachOtherDoubleNothing) {
  ASSERT_NE(table_of(12), nullptr);
  const auto compact = [](DeltaTable& t) { return t.optimize({}).status(); };
  const auto sort = [](DeltaTable& t) { return t.optimize({.z_order = {"_seq", "name"}}).status(); };
  const auto erase = [](DeltaTable& t) { return t.delete_rows("_seq % 3 = 0", {}, "").status(); };
  while_ingesting(13, 42, {compact, compact, sort, erase});
  const auto table = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(table.ok());
  ASSERT_TRUE((*table)->delete_rows("_seq % 3 = 0", {}, "").ok());
  EXPECT_EQ(count(**(*table)->snapshot()), 28);
}

TEST_F(MaintenanceTest, ZOrderRewritesAllFilesSortedAndRefusesUnknownColumns) {
  const auto table = table_of(4);
  const auto sorted = table->optimize({.z_order = {"_seq"}});
  ASSERT_TRUE(sorted.ok()) << sorted.status().to_string();
  EXPECT_EQ(sorted->files_removed, 4);
  EXPECT_EQ(count(**table->snapshot()), 4);
  const Status refused = table->optimize({.z_order = {"nothing"}}).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument) << refused.to_string();
}

TEST_F(MaintenanceTest, TheLogIsCleanedUpToWhatTheRetentionNeeds) {
  const auto table = table_of(4);
  ASSERT_TRUE(table->checkpoint().ok());  // of 4
  ingest(*table, 5, 8);
  ASSERT_TRUE(table->checkpoint().ok());  // of 8
  ingest(*table, 9, 10);
  EXPECT_THAT(*table->clean_log({}), IsEmpty()) << "nothing is older than the table's retention";

  age(0, 6, 10);
  const std::vector<std::string> expected = {
      "_delta_log/" + version_name(0) + ".json", "_delta_log/" + version_name(1) + ".json",
      "_delta_log/" + version_name(2) + ".json", "_delta_log/" + version_name(3) + ".json"};
  EXPECT_EQ(*table->clean_log({.retention_hours = 5, .dry_run = true}), expected)
      << "version 6 was current five hours ago, and is read from the checkpoint of 4";
  EXPECT_TRUE(std::filesystem::exists(log() / (version_name(0) + ".json")));
  EXPECT_EQ(*table->clean_log({.retention_hours = 5}), expected);
  EXPECT_FALSE(std::filesystem::exists(log() / (version_name(3) + ".json")));
  EXPECT_EQ(count(**table->snapshot(6)), 6);
  EXPECT_EQ(table->snapshot(3).status().code(), StatusCode::kNotFound);

  const auto last = table->clean_log({.retention_hours = 0});
  ASSERT_TRUE(last.ok()) << last.status().to_string();
  EXPECT_THAT(*last, testing::Contains("_delta_log/" + version_name(4) + ".checkpoint.parquet"));
  EXPECT_THAT(*last, testing::Contains("_delta_log/" + version_name(7) + ".json"));
  EXPECT_EQ(last->size(), 5U) << "everything before the newest checkpoint, and nothing after it";
  EXPECT_THAT(*table->clean_log({.retention_hours = 0}), IsEmpty());
  const auto reopened = DeltaTable::open(*engine_, url("t"), {});
  ASSERT_TRUE(reopened.ok()) << reopened.status().to_string();
  const auto newest = (*reopened)->snapshot();
  EXPECT_EQ(count(**newest), 10);
  EXPECT_EQ(*(*newest)->txn("weir/t/0"), 10);
  ASSERT_NE(append(**reopened, **newest, 11, 11), nullptr);
}

TEST_F(MaintenanceTest, ABaseThatTheLogWasCleanedPastIsRefusedForItsVersionsAreFreeAgain) {
  const auto table = table_of(4);
  const auto known = table->snapshot();
  ASSERT_EQ(*(*known)->txn("weir/t/0"), 4);
  const auto unread = table->snapshot();
  ingest(*table, 5, 8);
  ASSERT_TRUE(table->checkpoint().ok());
  age(0, 8, 10);
  ASSERT_EQ(table->clean_log({.retention_hours = 5})->size(), 8U);

  const auto files = table->write(test::events_schema(), {test::events(5, 5)}, {});
  const auto commit_on = [&](const Snapshot& base) {
    return table->commit(base, files->get(), {{"weir/t/0", 5}}, "").status();
  };
  EXPECT_EQ(commit_on(**known).code(), StatusCode::kConflict) << commit_on(**known).to_string();
  EXPECT_EQ(commit_on(**unread).code(), StatusCode::kNotFound) << commit_on(**unread).to_string();
  EXPECT_FALSE(std::filesystem::exists(log() / (version_name(5) + ".json")));
  const auto after = append(*table, **table->snapshot(), 9, 9);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(count(*after), 9);
}

TEST_F(MaintenanceTest, AnEntryThatACleanUpTookOutOfOrderIsNotWrittenAgain) {
  const auto table = table_of(4);
  const auto base = table->snapshot();
  ASSERT_EQ(*(*base)->txn("weir/t/0"), 4);
  ingest(*table, 5, 8);
  ASSERT_TRUE(table->checkpoint().ok());
  const auto files = table->write(test::events_schema(), {test::events(9, 9)}, {});
  const auto commit_on_base = [&] { return table->commit(**base, files->get(), {{"weir/u/0", 9}}, "").status(); };
  for (const int64_t gone : {7, 5}) {  // Behind what is read on the way, and right behind the base.
    const auto entry = log() / (version_name(gone) + ".json");
    ASSERT_TRUE(std::filesystem::remove(entry));
    const Status refused = commit_on_base();
    EXPECT_EQ(refused.code(), StatusCode::kConflict) << refused.to_string();
    EXPECT_FALSE(std::filesystem::exists(entry));
  }
  EXPECT_EQ(count(**table->snapshot()), 8);
  const auto after = append(*table, **table->snapshot(), 9, 9);
  ASSERT_NE(after, nullptr);
  EXPECT_EQ(count(*after), 9);
}

TEST_F(MaintenanceTest, PositionsAreReadFromTheCheckpointOnAndFromAllOfTheLogWhereItsHintIsOfNoUse) {
  const auto table = table_of(4);
  ASSERT_TRUE(table->checkpoint().ok());
  ingest(*table, 5, 8);
  ASSERT_TRUE(table->checkpoint().ok());
  ingest(*table, 9, 10);
  const auto position = [&](std::optional<int64_t> version) { return *(*table->snapshot(version))->txn("weir/t/0"); };
  const auto all_are_right = [&] { return position({}) == 10 && position(8) == 8 && position(6) == 6 && position(2) == 2; };
  EXPECT_TRUE(all_are_right());
  const auto hint = log() / "_last_checkpoint";
  for (const std::string text : {R"({"version":4,"size":1})", R"({"version":3,"size":1})", "{", ""}) {
    std::ofstream(hint) << text;
    EXPECT_TRUE(all_are_right()) << text;
  }
  std::filesystem::remove(hint);
  EXPECT_TRUE(all_are_right());
}

TEST_F(MaintenanceTest, WithoutACheckpointTheLogIsKeptWhole) {
  const auto table = table_of(5);
  age(0, 5, 10'000);
  EXPECT_THAT(*table->clean_log({.retention_hours = 0}), IsEmpty());
  EXPECT_EQ(count(**table->snapshot(3)), 3);
}

}  // namespace
}  // namespace weir::engine
