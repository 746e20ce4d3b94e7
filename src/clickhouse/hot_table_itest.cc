#include <arpa/inet.h>
#include <arrow/builder.h>
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "clickhouse/ddl.h"
#include "clickhouse/hot_table.h"
#include "clickhouse/sql_text.h"
#include "clickhouse/table_setup.h"
#include "tests/support/clickhouse_server.h"

namespace weir::clickhouse {
namespace {

constexpr int32_t kDay = 20'000;

/// (n Int64, day Date32) and the system columns: one row per sequence of `range`, rows of `days` in turn.
std::shared_ptr<arrow::RecordBatch> rows_of(SeqRange range, int32_t shard = 0,
                                            const std::vector<int32_t>& days = {kDay}) {
  arrow::Int64Builder n;
  arrow::Date32Builder day;
  arrow::Int32Builder shards;
  arrow::Int64Builder seqs;
  arrow::Int32Builder row;
  arrow::TimestampBuilder time(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subject;
  for (int64_t seq = range.first.value; seq <= range.last.value; ++seq) {
    EXPECT_TRUE(n.Append(seq * 10).ok() && day.Append(days[static_cast<size_t>(seq) % days.size()]).ok());
    EXPECT_TRUE(shards.Append(shard).ok() && seqs.Append(seq).ok() && row.Append(0).ok());
    EXPECT_TRUE(time.Append(1'700'000'000'000'000 + seq).ok() && subject.Append("flights.UA").ok());
  }
  const Plan plan{.table = "t",
                  .rows = {{"n", {.kind = TypeKind::kInt64}, true}, {"day", {.kind = TypeKind::kDate}, false}}};
  return arrow::RecordBatch::Make(
      row_arrow_schema(plan), range.length(),
      {n.Finish().ValueOrDie(), day.Finish().ValueOrDie(), shards.Finish().ValueOrDie(), seqs.Finish().ValueOrDie(),
       row.Finish().ValueOrDie(), time.Finish().ValueOrDie(), subject.Finish().ValueOrDie()});
}

SeqRange range(int64_t first, int64_t last) { return {Seq{first}, Seq{last}}; }

/// One server for all tests; each has a table of its own and begins with the fence of shard 0 at epoch 1.
class HotTableOnClickHouse : public testing::Test {
 protected:
  static void SetUpTestSuite() { server_ = std::make_unique<test::ClickHouseServer>(); }
  static void TearDownTestSuite() { server_.reset(); }

  void SetUp() override {
    static int number = 0;
    plan_ = {.table = "t" + std::to_string(++number),
             .rows = {{"n", {.kind = TypeKind::kInt64}, true}, {"day", {.kind = TypeKind::kDate}, false}},
             .partition_by = {"day"},
             .order_by = {"day"}};
    client_ = Client::open(server_->options()).value();
    table_ = ClickHouseHotTable::open(*client_, system_clock(), plan_, {.pipeline = "p"}).value();
    const auto created = table_->ensure();
    ASSERT_TRUE(created.ok()) << created.status().to_string();
    ASSERT_TRUE(*created);
    const Status raised = table_->raise_fence(live_writer(0), Epoch{1});
    ASSERT_TRUE(raised.ok()) << raised.to_string();
  }

  std::string name() const { return qualified("weir_test", plan_.table); }

  HotInsert insert_of(SeqRange seqs, int64_t epoch, const std::string& attempt) const {
    return {.rows = rows_of(seqs),
            .token = plan_.table + "/0/" + to_string(seqs.first) + "-" + to_string(seqs.last) + "/0/d/" + attempt,
            .writer = live_writer(0),
            .epoch = Epoch{epoch}};
  }

  std::string query(const std::string& sql) {
    const auto rows = client_->query_rows({.sql = sql});
    if (!rows.ok()) return rows.status().to_string();
    return rows->empty() ? "no row" : rows->front().front();
  }
  /// The query that counts the stalled INSERT of the writer, once it counts 1.
  std::string wait_until_running(const Fence& fence, const HotWriter& writer) {
    const std::string running =
        "SELECT count() FROM system.processes WHERE query_id = '" + fence.query_id(writer, "stalled") + "'";
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (query(running) != "1" && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    return running;
  }
  std::string count() { return query("SELECT count() FROM " + name()); }
  std::string parts() {
    return query("SELECT count() FROM system.parts WHERE active AND database = 'weir_test' AND table = '" +
                 plan_.table + "'");
  }

  static std::unique_ptr<test::ClickHouseServer> server_;
  Plan plan_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ClickHouseHotTable> table_;
};
std::unique_ptr<test::ClickHouseServer> HotTableOnClickHouse::server_;

TEST_F(HotTableOnClickHouse, OneInsertIsOnePartHoweverManyRowsItHas) {
  const Status status = table_->insert(insert_of(range(1, 300'000), 1, "1"));
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(count(), "300000");
  EXPECT_EQ(parts(), "1");
  EXPECT_EQ(query("SELECT toString((sum(n), min(day), max(_seq), any(_subject), min(_time))) FROM " + name()),
            "(450001500000,'2024-10-04',300000,'flights.UA','2023-11-14 22:13:20.000001')");
}

TEST_F(HotTableOnClickHouse, RowsOfTwoPartitionsAreRefusedAsOneInsertAndTakenAfterTheSplit) {
  const auto both = rows_of(range(1, 10), 0, {kDay, kDay + 1});
  const Status refused =
      table_->insert({.rows = both, .token = plan_.table + "/0/both", .writer = live_writer(0), .epoch = Epoch{1}});
  EXPECT_FALSE(refused.ok());
  EXPECT_EQ(count(), "0");
  const auto parts_of_it = table_->split_by_partition(both);
  ASSERT_TRUE(parts_of_it.ok());
  ASSERT_EQ(parts_of_it->size(), 2U);
  for (size_t i = 0; i < 2; ++i) {
    const Status status = table_->insert({.rows = parts_of_it->at(i),
                                          .token = plan_.table + "/0/part" + std::to_string(i),
                                          .writer = live_writer(0),
                                          .epoch = Epoch{1}});
    EXPECT_TRUE(status.ok()) << status.to_string();
  }
  EXPECT_EQ(count(), "10");
  EXPECT_EQ(parts(), "2");
}

TEST_F(HotTableOnClickHouse, TheSameTokenAgainAddsNothing) {
  ASSERT_TRUE(table_->insert(insert_of(range(1, 100), 1, "1")).ok());
  EXPECT_TRUE(table_->insert(insert_of(range(1, 100), 1, "1")).ok());
  EXPECT_EQ(count(), "100");
  EXPECT_TRUE(table_->insert(insert_of(range(1, 100), 1, "2")).ok());
  EXPECT_EQ(count(), "200");
}

TEST_F(HotTableOnClickHouse, AnOlderEpochIsFencedAndLeavesNoRow) {
  ASSERT_TRUE(table_->raise_fence(live_writer(0), Epoch{7}).ok());
  const Status status = table_->insert(insert_of(range(1, 100), 6, "1"));
  EXPECT_EQ(status.code(), StatusCode::kFenced) << status.to_string();
  EXPECT_EQ(count(), "0");
  EXPECT_EQ(table_->fence(live_writer(0))->value, 7);
}

TEST_F(HotTableOnClickHouse, AShardWithoutAFenceTakesNoRow) {
  HotInsert insert = insert_of(range(1, 3), 1, "1");
  insert.writer.shard = 5;
  EXPECT_EQ(table_->insert(insert).code(), StatusCode::kFenced);
  EXPECT_EQ(table_->fence(live_writer(5))->value, 0);
  EXPECT_EQ(count(), "0");
}

TEST_F(HotTableOnClickHouse, TheFenceNeverGoesBackAndMayBeRaisedAgainToWhatItIs) {
  ASSERT_TRUE(table_->raise_fence(live_writer(0), Epoch{7}).ok());
  EXPECT_TRUE(table_->raise_fence(live_writer(0), Epoch{7}).ok());
  EXPECT_EQ(table_->raise_fence(live_writer(0), Epoch{6}).code(), StatusCode::kFenced);
  EXPECT_EQ(table_->fence(live_writer(0))->value, 7);
}

TEST_F(HotTableOnClickHouse, OfManyTakeoversAtOnceTheHighestHoldsTheFence) {
  std::vector<std::jthread> raisers;
  for (int64_t epoch = 2; epoch <= 9; ++epoch) {
    raisers.emplace_back([this, epoch] {
      const Status status = table_->raise_fence(live_writer(0), Epoch{epoch});
      EXPECT_TRUE(status.ok() || status.code() == StatusCode::kFenced) << status.to_string();
      EXPECT_TRUE(epoch < 9 || status.ok()) << status.to_string();
    });
  }
  raisers.clear();
  EXPECT_EQ(table_->fence(live_writer(0))->value, 9);
}

TEST_F(HotTableOnClickHouse, IdentitiesAreReadBackSortedWithDoublesListedTwice) {
  ASSERT_TRUE(table_->insert(insert_of(range(5, 6), 1, "1")).ok());
  ASSERT_TRUE(table_->insert(insert_of(range(4, 5), 1, "1")).ok());
  HotInsert other_shard{
      .rows = rows_of(range(5, 5), 1), .token = plan_.table + "/1/5-5", .writer = live_writer(1), .epoch = Epoch{1}};
  ASSERT_TRUE(table_->raise_fence(live_writer(1), Epoch{1}).ok());
  ASSERT_TRUE(table_->insert(other_shard).ok());
  const auto ids = table_->read_ids(0, range(1, 5));
  ASSERT_TRUE(ids.ok()) << ids.status().to_string();
  EXPECT_EQ(*ids, (std::vector<RowId>{{Seq{4}, 0}, {Seq{5}, 0}, {Seq{5}, 0}}));
  EXPECT_TRUE(table_->read_ids(0, range(7, 6))->empty());
}

TEST_F(HotTableOnClickHouse, ManyIdentitiesAreReadBackWhole) {
  ASSERT_TRUE(table_->insert(insert_of(range(1, 200'000), 1, "1")).ok());
  const auto ids = table_->read_ids(0, range(1, 200'000));
  ASSERT_TRUE(ids.ok());
  ASSERT_EQ(ids->size(), 200'000U);
  EXPECT_TRUE(std::ranges::is_sorted(*ids));
  EXPECT_EQ(ids->back().seq.value, 200'000);
}

TEST_F(HotTableOnClickHouse, BoundsAreThoseOfTheShardAndEmptyWithoutRows) {
  EXPECT_TRUE(table_->seq_bounds(0)->empty());
  ASSERT_TRUE(table_->insert(insert_of(range(5, 9), 1, "1")).ok());
  EXPECT_EQ(*table_->seq_bounds(0), range(5, 9));
  EXPECT_TRUE(table_->seq_bounds(1)->empty());
}

TEST_F(HotTableOnClickHouse, ErasedRowsAreGoneWhenTheCallReturns) {
  ASSERT_TRUE(table_->insert(insert_of(range(1, 10), 1, "1")).ok());
  const Status status = table_->erase(0, range(4, 10));
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(*table_->seq_bounds(0), range(1, 3));
}

TEST_F(HotTableOnClickHouse, CompressedBodiesArriveAlike) {
  Options options = server_->options();
  options.compression = Compression::kLz4;
  const auto client = Client::open(options).value();
  const auto table = ClickHouseHotTable::open(*client, system_clock(), plan_, {.pipeline = "p"}).value();
  ASSERT_TRUE(table->ensure().ok());
  const Status status = table->insert(insert_of(range(1, 100'000), 1, "1"));
  ASSERT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(query("SELECT sum(_seq) FROM " + name()), "5000050000");
}

TEST_F(HotTableOnClickHouse, AWrongPasswordIsPermissionDenied) {
  Options options = server_->options();
  options.password = "wrong";
  const auto client = Client::open(options).value();
  EXPECT_EQ(client->ping().status().code(), StatusCode::kPermissionDenied);
}

TEST_F(HotTableOnClickHouse, AServerThatIsNotThereIsUnavailable) {
  Options options = server_->options();
  options.url = "http://127.0.0.1:1";
  EXPECT_EQ(Client::open(options).value()->ping().status().code(), StatusCode::kUnavailable);
  options.url = "http://no.such.host.invalid:8123";
  EXPECT_EQ(Client::open(options).value()->ping().status().code(), StatusCode::kUnavailable);
  options.url = "https" + server_->url().substr(4);  // speaks no TLS
  EXPECT_EQ(Client::open(options).value()->ping().status().code(), StatusCode::kUnavailable);
}

TEST_F(HotTableOnClickHouse, ADroppedTableIsNotFoundUntilItIsMadeAgain) {
  ASSERT_TRUE(drop_table(*client_, plan_.table).ok());
  EXPECT_EQ(table_->insert(insert_of(range(1, 3), 1, "1")).code(), StatusCode::kNotFound);
  EXPECT_TRUE(*table_->ensure());
  EXPECT_FALSE(*table_->ensure());
  EXPECT_TRUE(table_->insert(insert_of(range(1, 3), 1, "1")).ok());
}

TEST_F(HotTableOnClickHouse, ARowThatBreaksTheUsersConstraintIsRejectedAndNothingOfItsBlockGoesIn) {
  ASSERT_TRUE(client_->execute({.sql = "ALTER TABLE " + name() + " ADD CONSTRAINT positive CHECK n < 50"}).ok());
  EXPECT_EQ(table_->insert(insert_of(range(1, 10), 1, "1")).code(), StatusCode::kRejected);
  EXPECT_EQ(count(), "0");
}

TEST_F(HotTableOnClickHouse, AFailingViewOfTheUsersLeavesTheOutcomeUnknown) {
  ASSERT_TRUE(client_
                  ->execute({.sql = "CREATE TABLE weir_test.target_" + plan_.table +
                                    " (x UInt8) ENGINE = MergeTree ORDER BY x"})
                  .ok());
  ASSERT_TRUE(client_
                  ->execute({.sql = "CREATE MATERIALIZED VIEW weir_test.view_" + plan_.table + " TO weir_test.target_" +
                                    plan_.table + " AS SELECT throwIf(n = 30, 'not thirty') AS x FROM " + name()})
                  .ok());
  const Status status = table_->insert(insert_of(range(1, 10), 1, "1"));
  EXPECT_EQ(status.code(), StatusCode::kOutcomeUnknown) << status.to_string();
}

TEST_F(HotTableOnClickHouse, TooManyPartsIsUnavailable) {
  ASSERT_TRUE(client_->execute({.sql = "SYSTEM STOP MERGES " + name()}).ok());
  ASSERT_TRUE(client_->execute({.sql = "ALTER TABLE " + name() + " MODIFY SETTING parts_to_throw_insert = 1"}).ok());
  ASSERT_TRUE(table_->insert(insert_of(range(1, 1), 1, "1")).ok());
  const Status status = table_->insert(insert_of(range(2, 2), 1, "1"));
  EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.to_string();
  EXPECT_EQ(count(), "1");
}

TEST_F(HotTableOnClickHouse, AfterAKillEverythingAnsweredIsThereAndTheFenceStillHolds) {
  ASSERT_TRUE(table_->raise_fence(live_writer(0), Epoch{4}).ok());
  ASSERT_TRUE(table_->insert(insert_of(range(1, 1'000), 4, "1")).ok());
  server_->kill();
  EXPECT_EQ(table_->read_ids(0, range(1, 1'000)).status().code(), StatusCode::kUnavailable);
  const Status down = table_->insert(insert_of(range(1'001, 1'001), 4, "1"));
  EXPECT_TRUE(down.code() == StatusCode::kUnavailable || down.code() == StatusCode::kOutcomeUnknown)
      << down.to_string();
  server_->restart();
  EXPECT_EQ(table_->read_ids(0, range(1, 2'000))->size(), 1'000U);
  EXPECT_EQ(table_->insert(insert_of(range(1'001, 1'001), 3, "2")).code(), StatusCode::kFenced);
  EXPECT_TRUE(table_->insert(insert_of(range(1'001, 1'001), 4, "2")).ok());
}

TEST_F(HotTableOnClickHouse, ASilentServerLeavesTheOutcomeOfAnInsertUnknown) {
  Options options = server_->options();
  options.request_timeout = std::chrono::milliseconds(1'500);
  const auto client = Client::open(options).value();
  const auto table = ClickHouseHotTable::open(*client, system_clock(), plan_, {.pipeline = "p"}).value();
  ASSERT_TRUE(table->ensure().ok());
  server_->freeze();
  const Status insert = table->insert(insert_of(range(1, 10), 1, "1"));
  const Status read = table->read_ids(0, range(1, 10)).status();
  server_->thaw();
  EXPECT_EQ(insert.code(), StatusCode::kOutcomeUnknown) << insert.to_string();
  EXPECT_EQ(read.code(), StatusCode::kUnavailable) << read.to_string();
}

/// Sends an INSERT of epoch 1 up to the middle of its body, as a process does that is paused inside. The server looks
/// at a statement only once it has 256 KiB of the request (max_query_size), so this is much more.
int begin_insert_and_stall(const test::ClickHouseServer& server, const Plan& plan, const Fence& fence,
                           const HotWriter& writer) {
  const auto columns = table_columns(plan).value();
  const auto block = encode_native_block(*rows_of(range(1, 100'000)), columns).value();
  const std::string sql = "INSERT INTO " + qualified("weir_test", plan.table) + " (" + name_list(columns) +
                          ") SELECT " + name_list(columns) + " FROM input(" + quote_string(column_list(columns)) +
                          ") WHERE " + fence.condition() + " FORMAT Native";
  const std::string head =
      "POST /?query_id=" + percent_encode(fence.query_id(writer, "stalled")) +
      "&async_insert=0&param_fence_key=" + percent_encode(fence.key(writer)) +
      "&param_epoch=1&query=" + percent_encode(sql) +
      " HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: weir\r\nX-ClickHouse-Key: secret\r\nContent-Length: " +
      std::to_string(block->size()) + "\r\n\r\n";
  const std::string sent = head + block->ToString().substr(0, static_cast<size_t>(block->size() / 2));
  const int connection = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(server.http_port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(::send(connection, sent.data(), sent.size(), MSG_NOSIGNAL), static_cast<ssize_t>(sent.size()));
  return connection;
}

TEST_F(HotTableOnClickHouse, RaisingTheFenceEndsAnOlderInsertThatHadPassedIt) {
  const Fence fence(*client_, system_clock(), plan_.table, std::chrono::milliseconds(1'000));
  const int connection = begin_insert_and_stall(*server_, plan_, fence, live_writer(0));
  const std::string running = wait_until_running(fence, live_writer(0));
  ASSERT_EQ(query(running), "1");
  const Status status = table_->raise_fence(live_writer(0), Epoch{2});
  EXPECT_TRUE(status.ok()) << status.to_string();
  EXPECT_EQ(query(running), "0");
  ::close(connection);
  EXPECT_EQ(count(), "0");
}

TEST_F(HotTableOnClickHouse, RaisingAFenceLeavesTheInsertsOfTheOtherPathAlone) {
  const Fence fence(*client_, system_clock(), plan_.table, std::chrono::milliseconds(1'000));
  ASSERT_TRUE(table_->raise_fence(bulk_writer(0), Epoch{1}).ok());
  for (const auto& [writer, other] :
       {std::pair{live_writer(0), bulk_writer(0)}, std::pair{bulk_writer(0), live_writer(0)}}) {
    const int connection = begin_insert_and_stall(*server_, plan_, fence, writer);
    const std::string running = wait_until_running(fence, writer);
    ASSERT_EQ(query(running), "1");
    const Status raised = table_->raise_fence(other, Epoch{2});
    EXPECT_TRUE(raised.ok()) << raised.to_string();
    EXPECT_EQ(query(running), "1");
    ::close(connection);
  }
  EXPECT_EQ(count(), "0");
}

TEST_F(HotTableOnClickHouse, InsertSpeedIsPrinted) {
  int64_t next = 1;
  for (const Compression compression : {Compression::kNone, Compression::kLz4}) {
    Options options = server_->options();
    options.compression = compression;
    const auto client = Client::open(options).value();
    const auto table = ClickHouseHotTable::open(*client, system_clock(), plan_, {.pipeline = "p"}).value();
    ASSERT_TRUE(table->ensure().ok());
    for (const int64_t rows : {1'000, 100'000}) {
      std::vector<double> ms;
      for (int i = 0; i < 15; ++i, next += rows) {
        const HotInsert insert = insert_of(range(next, next + rows - 1), 1, "1");
        const auto begin = std::chrono::steady_clock::now();
        ASSERT_TRUE(table->insert(insert).ok());
        ms.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count());
      }
      std::ranges::sort(ms);
      std::printf("%6ld rows x 7 columns in one fenced, synced INSERT, %s: p50 %.1f ms\n", static_cast<long>(rows),
                  compression == Compression::kLz4 ? "LZ4" : "plain", ms[ms.size() / 2]);
    }
  }
}

}  // namespace
}  // namespace weir::clickhouse
