#include <algorithm>
#include <chrono>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "base/clock.h"
#include "clickhouse/client.h"
#include "clickhouse/ddl.h"
#include "clickhouse/hot_table.h"
#include "engine/engine.h"
#include "lake/delta_lake_table.h"
#include "maintain/delta_maintained_table.h"
#include "nats/connection.h"
#include "nats/kv_bucket.h"
#include "schema/reader_view.h"
#include "schema/table_schema.h"
#include "tests/contract/day_rows.h"
#include "tests/contract/hot_table_contract.h"
#include "tests/contract/key_value_contract.h"
#include "tests/contract/lake_table_contract.h"
#include "tests/contract/maintained_table_contract.h"
#include "tests/support/clickhouse_server.h"
#include "tests/support/lake_folder.h"
#include "tests/support/nats_server.h"

namespace weir::contract {
namespace {

/// The value, or the end of the test: an adapter that cannot be opened has no contract to keep.
template <class T>
T value_of(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.status().to_string());
  return std::move(result).value();
}

/// A bucket of its own on one server.
class NatsBucket {
 public:
  static void start() { server_ = std::make_unique<test::NatsServer>(); }
  static void stop() { server_.reset(); }

  NatsBucket()
      : connection_(value_of(nats::Connection::open({.url = server_->url()}))),
        name_("weir_" + std::to_string(++buckets_)) {}
  std::unique_ptr<KeyValue> open() { return value_of(nats::KvBucket::open(*connection_, {.bucket = name_})); }

 private:
  static inline std::unique_ptr<test::NatsServer> server_;
  static inline int buckets_ = 0;
  const std::unique_ptr<nats::Connection> connection_;
  const std::string name_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(Nats, KeyValueContract, NatsBucket);

/// A table in a database of its own on one server.
class ClickHouseTable {
 public:
  static void start() { server_ = std::make_unique<test::ClickHouseServer>(); }
  static void stop() { server_.reset(); }

  ClickHouseTable() : client_(value_of(clickhouse::Client::open(options_of_next_database()))) {
    make_neighbour();
  }
  std::unique_ptr<HotTable> open() {
    clickhouse::TableOptions options{.pipeline = "p"};
    options.reader_columns = {{"_seq", "`_seq`"}};
    return value_of(clickhouse::ClickHouseHotTable::open(*client_, system_clock(), plan_by_day(), std::move(options)));
  }
  static std::shared_ptr<arrow::RecordBatch> rows(const std::vector<RowId>& ids, int32_t shard = 0) {
    return rows_on_days(ids, 1, shard);
  }
  static std::shared_ptr<arrow::RecordBatch> spread_rows(const std::vector<RowId>& ids) {
    return rows_on_days(ids, 3, 0);
  }
  void drop() { execute("DROP TABLE " + name() + " SYNC"); }
  [[nodiscard]] std::set<Seq> views() {
    const auto names = value_of(client_->query_rows({.sql = "SHOW TABLES FROM " + readers()}));
    std::set<Seq> views;
    for (const auto& name : names) {
      if (name[0] != kNeighbour) views.insert(Seq{std::stoll(name[0].substr(3))});
    }
    EXPECT_EQ(views.size() + 1, names.size()) << "the view of another table is not ours to drop";
    return views;
  }
  /// As a user's own constraint refuses it.
  void refuse(Seq seq) {
    execute("ALTER TABLE " + name() + " ADD CONSTRAINT refused CHECK `_seq` != " + to_string(seq));
  }

 private:
  static clickhouse::Options options_of_next_database() {
    clickhouse::Options options = server_->options();
    options.database = "contract_" + std::to_string(++databases_);
    return options;
  }

  static constexpr std::string_view kNeighbour = "t_h1_h2";  // A view of a table t_h1.

  // A database with the view of a table whose name begins like ours.
  void make_neighbour() {
    execute("CREATE DATABASE IF NOT EXISTS " + readers());
    execute("CREATE VIEW " + clickhouse::qualified(readers(), kNeighbour) + " AS SELECT 1 AS x");
  }
  [[nodiscard]] std::string readers() const { return reader_database(client_->options().database); }
  [[nodiscard]] std::string name() const { return clickhouse::qualified(client_->options().database, "t"); }
  void execute(const std::string& sql) {
    const Status status = client_->execute({.sql = sql});
    EXPECT_TRUE(status.ok()) << status.to_string();
  }

  static inline std::unique_ptr<test::ClickHouseServer> server_;
  static inline int databases_ = 0;
  const std::unique_ptr<clickhouse::Client> client_;
};
INSTANTIATE_TYPED_TEST_SUITE_P(ClickHouse, HotTableContract, ClickHouseTable);

/// A table in a local lake of its own.
class DeltaTable {
 public:
  std::unique_ptr<LakeTable> open() {
    return value_of(lake::DeltaLakeTable::open_or_create(
        *engine_, {.url = folder_.url()},
        lake::rows_definition(plan_by_day(), {.pipeline = "p", .stream = "S", .shards = 2}, Seq{1})));
  }
  static std::shared_ptr<arrow::RecordBatch> rows(const std::vector<RowId>& ids, int32_t shard = 0) {
    return rows_on_days(ids, 3, shard);
  }

 private:
  const test::LakeFolder folder_;
  const std::unique_ptr<engine::Engine> engine_ = value_of(engine::Engine::open({.worker_threads = 2}));
};
INSTANTIATE_TYPED_TEST_SUITE_P(Delta, LakeTableContract, DeltaTable);

/// Likewise, of one partition: a write is one file.
class DeltaTableInUpkeep {
 public:
  std::unique_ptr<LakeTable> open() {
    return value_of(lake::DeltaLakeTable::open_or_create(
        *engine_, {.url = folder_.url()},
        lake::rows_definition(plan_by_day(), {.pipeline = "p", .stream = "S", .shards = 2}, Seq{1})));
  }
  static std::shared_ptr<arrow::RecordBatch> rows(const std::vector<RowId>& ids) { return rows_on_days(ids, 1, 0); }
  std::unique_ptr<maintain::MaintainedTable> maintained() {
    return value_of(maintain::DeltaMaintainedTable::open(*engine_, {.url = folder_.url()}, name()));
  }
  static std::string name() { return plan_by_day().table; }
  /// Two ticks of the clock of file times, which is coarser than the one that commits are stamped with.
  static void pass_a_moment() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

 private:
  const test::LakeFolder folder_;
  const std::unique_ptr<engine::Engine> engine_ = value_of(engine::Engine::open({.worker_threads = 2}));
};
INSTANTIATE_TYPED_TEST_SUITE_P(Delta, MaintainedTableContract, DeltaTableInUpkeep);

// What the fakes, which are one shard and one thread, leave out.

class OnNats : public KeyValueContract<NatsBucket> {};

TEST_F(OnNats, OfManyWritersWithTheSameRevisionExactlyOneWins) {
  constexpr int kWriters = 8;
  const uint64_t revision = put("lease/S/0", "start", 0);
  std::vector<StatusCode> codes(kWriters);
  {
    std::vector<std::jthread> writers;
    for (int i = 0; i < kWriters; ++i) {
      writers.emplace_back([&, i] { codes[i] = ours_->put("lease/S/0", std::to_string(i), revision).status().code(); });
    }
  }
  EXPECT_EQ(std::count(codes.begin(), codes.end(), StatusCode::kOk), 1);
  EXPECT_EQ(std::count(codes.begin(), codes.end(), StatusCode::kConflict), kWriters - 1);
}

class OnClickHouse : public HotTableContract<ClickHouseTable> {};

TEST_F(OnClickHouse, ShardsHaveRowsAndAFenceOfTheirOwn) {
  make(1);
  ASSERT_TRUE(table_->raise_fence(live_writer(1), Epoch{4}).ok());
  insert_ok(ids_of(1, 3));
  const HotInsert other{.rows = ClickHouseTable::rows(ids_of(2, 9), 1), .token = "1", .writer = live_writer(1), .epoch = Epoch{4}};
  ASSERT_TRUE(table_->insert(other).ok());
  EXPECT_EQ(*table_->fence(live_writer(0)), Epoch{1});
  EXPECT_EQ(ids(), ids_of(1, 3));
  EXPECT_EQ(*table_->read_ids(1, {Seq{0}, Seq{99}}), ids_of(2, 9));
  EXPECT_EQ(bounds(), (SeqRange{Seq{1}, Seq{3}}));
  ASSERT_TRUE(table_->erase(1, {Seq{1}, Seq{99}}).ok());
  EXPECT_EQ(ids(), ids_of(1, 3));
}

class OnDelta : public LakeTableContract<DeltaTable> {};

TEST_F(OnDelta, ARangeOfOneShardHasNoRowOfAnother) {
  const auto first = write(rows_from_to(1, 3));
  const auto one = commit(newest(), first.get(), {{"a", 3}});
  const auto others = ours_->write_files({DeltaTable::rows(rows_from_to(1, 9), 1)});
  ASSERT_TRUE(others.ok()) << others.status().to_string();
  EXPECT_EQ(read(commit(one, others->get(), {{"b", 9}})), rows_from_to(1, 3));
}

}  // namespace
}  // namespace weir::contract
