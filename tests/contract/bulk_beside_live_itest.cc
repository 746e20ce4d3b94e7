#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "clickhouse/client.h"
#include "clickhouse/hot_table.h"
#include "pipeline/hot_bulk_sink.h"
#include "pipeline/hot_sink.h"
#include "tests/contract/day_rows.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/support/clickhouse_server.h"

namespace weir::contract {
namespace {

using pipeline::HotBulkSink;
using pipeline::HotSink;

constexpr int kThreads = 4;
constexpr int64_t kHistory = 6'000;
constexpr int64_t kBlock = 250;

class LockedKeyValue final : public KeyValue {
 public:
  Result<KeyValueEntry> get(std::string_view key) override {
    const std::lock_guard lock(mutex_);
    return bucket_.get(key);
  }
  Result<uint64_t> put(std::string_view key, std::string_view value, uint64_t expected) override {
    const std::lock_guard lock(mutex_);
    return bucket_.put(key, value, expected);
  }

 private:
  std::mutex mutex_;
  fakes::KeyValueState state_;
  fakes::FakeKeyValue bucket_{state_, fakes::Faults{}};
};

Status no_quarantine(RowId id, const std::string& reason) {
  return internal_error("row " + to_string(id.seq) + " was refused: " + reason);
}

/// Rows thread, thread + 4, thread + 8, ... of a block of 4 * kBlock sequences that ends at `last`.
std::shared_ptr<arrow::RecordBatch> every_fourth(int thread, int64_t last) {
  std::vector<RowId> ids;
  for (int64_t seq = last - thread; seq > last - kThreads * kBlock; seq -= kThreads) ids.push_back({Seq{seq}, 0});
  return rows_on_days(ids, 3, 0);
}

class BulkBesideLive : public testing::Test {
 protected:
  /// Live goes on by ten rows and, as after a failure, asks ClickHouse again.
  void live_goes_on() {
    std::vector<RowId> ids;
    const Seq first = live_.position() + 1;
    for (int i = 0; i < 10; ++i) ids.push_back({first + i, 0});
    auto slice = std::make_shared<Slice>();
    slice->range = {first, first + 9};
    slice->rows = rows_on_days(ids, 3, 0);
    const Status written = live_.write({slice});
    ASSERT_TRUE(written.ok()) << written.to_string();
    ASSERT_TRUE(live_.resolve().ok());
  }

  void backfill(int thread) {
    for (int64_t last = kHistory; last > 0; last -= kThreads * kBlock) {
      const auto rows = every_fourth(thread, last);
      Status status = bulk_.write(rows);
      while (!status.ok()) {
        const bool again = status.disposition() == Disposition::kReconcile || status.disposition() == Disposition::kRetry;
        ASSERT_TRUE(again) << status.to_string();
        if (const auto bound = bulk_.resolve(); !bound.ok()) {
          status = bound.status();
        } else {
          status = bulk_.write(rows);
        }
      }
      if (thread == 0) live_goes_on();
    }
  }

  test::ClickHouseServer server_;
  std::unique_ptr<clickhouse::Client> client_ = clickhouse::Client::open(server_.options()).value();
  std::unique_ptr<clickhouse::ClickHouseHotTable> table_ =
      clickhouse::ClickHouseHotTable::open(*client_, system_clock(), plan_by_day(), {.pipeline = "p"}).value();
  LockedKeyValue key_value_;
  HotSink live_{*table_,
                key_value_,
                {.table = "t", .shard = 0, .epoch = Epoch{1}, .lake_position = Seq{kHistory}},
                no_quarantine};
  HotBulkSink bulk_{*table_,
                    key_value_,
                    {.table = "t", .shard = 0, .epoch = Epoch{1}, .upper_without_live = {}, .look_ids_max = 500},
                    no_quarantine};
};

TEST_F(BulkBesideLive, ThreadsWriteInterleavedHistoryOnceWhileLiveResolvesAgainAndAgain) {
  const auto start = live_.resolve();
  ASSERT_TRUE(start.ok()) << start.status().to_string();
  ASSERT_EQ(*start, Seq{kHistory});
  {
    std::vector<std::jthread> threads;
    for (int thread = 0; thread < kThreads; ++thread) threads.emplace_back([this, thread] { backfill(thread); });
  }
  const auto ids = table_->read_ids(0, {Seq{1}, live_.position()});
  ASSERT_TRUE(ids.ok()) << ids.status().to_string();
  ASSERT_EQ(static_cast<int64_t>(ids->size()), live_.position().value);
  for (size_t i = 0; i < ids->size(); ++i) {
    ASSERT_EQ((*ids)[i], (RowId{Seq{static_cast<int64_t>(i) + 1}, 0}));
  }
  EXPECT_GT(live_.position(), Seq{kHistory});
}

}  // namespace
}  // namespace weir::contract
