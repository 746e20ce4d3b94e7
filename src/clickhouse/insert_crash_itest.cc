// What a killed sender leaves behind. A program of its own: the process under test is a fork that inserts, and crash
// points are armed once per process, so this one must not insert itself.

#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "clickhouse/hot_table.h"
#include "tests/support/clickhouse_server.h"

namespace weir::clickhouse {
namespace {

Plan plan() { return {.table = "t", .rows = {{"n", {.kind = TypeKind::kInt64}, false}}}; }

std::shared_ptr<arrow::RecordBatch> hundred_rows() {
  arrow::Int64Builder n;
  arrow::Int64Builder seqs;
  arrow::Int32Builder shard;
  arrow::Int32Builder row;
  arrow::TimestampBuilder time(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), arrow::default_memory_pool());
  arrow::StringBuilder subject;
  for (int64_t seq = 1; seq <= 100; ++seq) {
    EXPECT_TRUE(n.Append(seq).ok() && seqs.Append(seq).ok() && shard.Append(0).ok() && row.Append(0).ok());
    EXPECT_TRUE(time.Append(seq).ok() && subject.Append("s").ok());
  }
  return arrow::RecordBatch::Make(
      row_arrow_schema(plan()), 100,
      {n.Finish().ValueOrDie(), shard.Finish().ValueOrDie(), seqs.Finish().ValueOrDie(), row.Finish().ValueOrDie(),
       time.Finish().ValueOrDie(), subject.Finish().ValueOrDie()});
}

class KilledSender : public testing::Test {
 protected:
  void SetUp() override {
    client_ = Client::open(server_.options()).value();
    table_ = ClickHouseHotTable::open(*client_, system_clock(), plan(), {.pipeline = "p"}).value();
    const auto created = table_->ensure();
    ASSERT_TRUE(created.ok()) << created.status().to_string();
    ASSERT_TRUE(table_->raise_fence(live_writer(0), Epoch{1}).ok());
  }

  /// Inserts a hundred rows under epoch 1 in a child process; true when SIGKILL ended it.
  bool dies_at(const char* crash_point) {
    const pid_t child = ::fork();
    if (child == 0) {
      ::setenv("WEIR_CRASH_POINT", crash_point, 1);
      const auto client = Client::open(server_.options()).value();
      const auto table = ClickHouseHotTable::open(*client, system_clock(), plan(), {.pipeline = "p"}).value();
      const bool inserted =
          table->ensure().ok() && table->insert({hundred_rows(), "t/0/1-100/0/d/1", live_writer(0), Epoch{1}}).ok();
      ::_exit(inserted ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  }

  test::ClickHouseServer server_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<ClickHouseHotTable> table_;
};

TEST_F(KilledSender, LeavesNoRowWhenItDiesAfterTheFirstByte) {
  EXPECT_TRUE(dies_at("insert_first_byte"));
  ASSERT_TRUE(table_->raise_fence(live_writer(0), Epoch{2}).ok());
  EXPECT_TRUE(table_->seq_bounds(0)->empty());
}

TEST_F(KilledSender, LeavesAllItsRowsWhenItDiesAfterTheAnswer) {
  EXPECT_TRUE(dies_at("insert_answered"));
  EXPECT_EQ(table_->read_ids(0, {Seq{1}, Seq{1'000}})->size(), 100U);
}

}  // namespace
}  // namespace weir::clickhouse
