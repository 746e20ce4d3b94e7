#include "backfill/follow_shard.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "batch/row_ids.h"
#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::backfill {
namespace {

using fakes::Fate;

constexpr int64_t kLast = 400;

bool is_rejected(Seq seq) { return seq.value % 11 == 0; }
bool is_filtered(Seq seq) { return seq.value % 3 == 0 && !is_rejected(seq); }
bool has_row(Seq seq) { return seq.value % 5 != 0; }  // Of the source: the other sequences hold none.

// Two of three rows pass; some cannot be made.
Result<pipeline::SlicePtr> derive(const Slice& source) {
  auto slice = std::make_shared<Slice>();
  slice->range = source.range;
  slice->events = source.rows->num_rows();
  std::vector<RowId> kept;
  WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(*source.rows));
  for (const RowId& id : ids) {
    if (is_rejected(id.seq)) {
      slice->rejects.push_back({.seq = id.seq, .row = id.row});
    } else if (is_filtered(id.seq)) {
      ++slice->filtered;
    } else {
      kept.push_back(id);
    }
  }
  slice->rows = fakes::rows_of(kept);
  slice->bytes = 10 * slice->events;
  return pipeline::SlicePtr(slice);
}

Result<std::shared_ptr<arrow::RecordBatch>> reject_rows(const std::vector<const Reject*>& rejects) {
  std::vector<RowId> ids;
  for (const Reject* reject : rejects) ids.push_back({reject->seq, reject->row});
  return fakes::rows_of(ids);
}

std::vector<RowId> ids_in(const fakes::LakeState& state, Seq through) {
  std::vector<RowId> ids;
  for (const auto& batch : state.rows()) {
    const auto batch_ids = row_ids(*batch);
    std::copy_if(batch_ids->begin(), batch_ids->end(), std::back_inserter(ids),
                 [&](const RowId& id) { return id.seq <= through; });
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

template <typename Predicate>
std::vector<RowId> ids_where(Seq through, const Predicate& predicate) {
  std::vector<RowId> ids;
  for (Seq seq{1}; seq <= through; seq = seq + 1) {
    if (has_row(seq) && predicate(seq)) ids.push_back({seq, 0});
  }
  return ids;
}

// The source's table, which grows by itself, and the two that the follower writes.
struct Lake {
  fakes::LakeState source{{{"weir/t/0", 0}}};
  fakes::LakeState target{{{"weir/t2/0", 0}}};
  fakes::LakeState dead_letters{std::vector<LakeTxn>{}};
  Seq source_position{0};

  void grow(int64_t sequences) {
    std::vector<RowId> ids;
    const Seq last = std::min(Seq{kLast}, source_position + sequences);
    for (Seq seq = source_position + 1; seq <= last; seq = seq + 1) {
      if (has_row(seq)) ids.push_back({seq, 0});
    }
    const Status landed = source.land(source.log.size() - 1, {.added = source.write({fakes::rows_of(ids)}),
                                                              .removed = {},
                                                              .txns = {{"weir/t/0", last.value}}});
    EXPECT_TRUE(landed.ok()) << landed.to_string();
    source_position = last;
  }

  [[nodiscard]] Seq position() const { return Seq{target.txn("weir/t2/0").value_or(0)}; }

  void check_exact() const {
    const auto is_kept = [](Seq seq) { return !is_rejected(seq) && !is_filtered(seq); };
    ASSERT_EQ(ids_in(target, Seq{kLast}), ids_where(position(), is_kept));
    ASSERT_EQ(ids_in(dead_letters, position()), ids_where(position(), is_rejected));
    const int64_t events = static_cast<int64_t>(ids_where(position(), [](Seq) { return true; }).size());
    ASSERT_EQ(target.txn("weir/t2/0/events").value_or(0), events);
    ASSERT_EQ(target.txn("weir/t2/0/rejects").value_or(0),
              static_cast<int64_t>(ids_where(position(), is_rejected).size()));
  }
};

// One process that follows.
struct Follower {
  Follower(Lake& lake, fakes::Faults faults, int64_t epoch, int64_t commit_bytes = 200)
      : source(lake.source, faults),
        target(lake.target, faults),
        letters(lake.dead_letters, faults),
        rows(target, {.table = "t2", .epoch = Epoch{epoch}}),
        rejects(letters, "t2", 0, Epoch{epoch}, reject_rows),
        shard(source, 0, rows, rejects, derive, {.commit_bytes = commit_bytes}) {}

  fakes::FakeLakeTable source;
  fakes::FakeLakeTable target;
  fakes::FakeLakeTable letters;
  pipeline::LakeSink rows;
  pipeline::DeadLetterSink rejects;
  FollowedShard shard;
};

TEST(FollowedShard, TakesEveryRowOfTheSourceOnceAndStandsWhereTheSourceStands) {
  Lake lake;
  lake.grow(250);
  Follower follower(lake, {}, 1);
  ASSERT_TRUE(follower.shard.resolve().ok());
  ASSERT_TRUE(follower.shard.advance(lake.source_position, false, {}).ok());
  EXPECT_EQ(follower.shard.position(), Seq{250});
  lake.check_exact();
  lake.grow(150);
  ASSERT_TRUE(follower.shard.advance(lake.source_position, true, {}).ok());
  EXPECT_EQ(follower.shard.position(), Seq{kLast});
  lake.check_exact();
}

TEST(FollowedShard, ARangeWithoutRowsMovesThePositionOnlyWhenAskedTo) {
  Lake lake;
  lake.source_position = Seq{4};
  lake.grow(1);
  Follower follower(lake, {}, 1);
  ASSERT_TRUE(follower.shard.resolve().ok());
  ASSERT_TRUE(follower.shard.advance(Seq{5}, false, {}).ok());
  EXPECT_EQ(lake.position(), Seq{0});
  ASSERT_TRUE(follower.shard.advance(Seq{5}, true, {}).ok());
  EXPECT_EQ(lake.position(), Seq{5});
}

TEST(FollowedShard, AnOlderProcessThatWakesUpIsFenced) {
  Lake lake;
  lake.grow(kLast);
  Follower older(lake, {}, 1);
  ASSERT_TRUE(older.shard.resolve().ok());
  Follower newer(lake, {}, 2);
  ASSERT_TRUE(newer.shard.resolve().ok());
  EXPECT_FALSE(older.shard.advance(lake.source_position, true, {}).ok());
  EXPECT_EQ(older.shard.resolve().code(), StatusCode::kFenced);
  ASSERT_TRUE(newer.shard.advance(lake.source_position, true, {}).ok());
  lake.check_exact();
}

// What a seed decides: the fate of every call, when late commits land, how the source grows, when a newer process comes.
class Chance {
 public:
  explicit Chance(uint64_t seed) : random_(seed) {}

  fakes::Faults faults() {
    return {.fate = [this](std::string_view) { return fate(); },
            .land_late = [this](const std::function<void()>& effect) { late_.push_back(effect); }};
  }
  int64_t below(int64_t end) { return std::uniform_int_distribution<int64_t>(0, end - 1)(random_); }
  void land_some() {
    while (!late_.empty() && below(2) == 0) {
      late_.back()();
      late_.pop_back();
    }
  }
  int kills = 0;

 private:
  Fate fate() {
    land_some();
    if (below(100) >= 25) return Fate::kDone;
    constexpr Fate kFates[] = {Fate::kUnavailable, Fate::kLostRequest, Fate::kLostAnswer,
                               Fate::kLate,        Fate::kKilledBefore, Fate::kKilledAfter};
    const Fate drawn = kFates[below(6)];
    if (drawn == Fate::kKilledBefore || drawn == Fate::kKilledAfter) ++kills;
    return drawn;
  }

  std::mt19937_64 random_;
  std::vector<std::function<void()>> late_;
};

TEST(FollowedShard, IsExactAfterKillsUnknownOutcomesAndTakeOversAtEveryStep) {
  int kills = 0;
  for (uint64_t seed = 1; seed <= 400; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Lake lake;
    Chance chance(seed);
    int64_t epoch = 0;
    for (int step = 0; lake.position() < Seq{kLast}; ++step) {
      ASSERT_LT(step, 5'000);
      Follower follower(lake, chance.faults(), ++epoch, 50 + 10 * chance.below(60));
      try {
        bool resolved = false;
        while (lake.position() < Seq{kLast} && chance.below(40) > 0) {
          if (chance.below(3) == 0 && lake.source_position < Seq{kLast}) lake.grow(1 + chance.below(90));
          if (!resolved) resolved = follower.shard.resolve().ok();
          if (resolved) resolved = follower.shard.advance(lake.source_position, chance.below(2) == 0, {}).ok();
          lake.check_exact();
          if (testing::Test::HasFatalFailure()) return;
        }
      } catch (const fakes::Killed&) {
        lake.check_exact();
      }
      if (testing::Test::HasFatalFailure()) return;
    }
    kills += chance.kills;
  }
  EXPECT_GT(kills, 1'000);
}

TEST(FollowHot, BringsClickHouseFromItsPositionToTheOneAskedFor) {
  Lake lake;
  lake.grow(kLast);
  fakes::HotState hot_state;
  fakes::KeyValueState kv_state;
  fakes::FakeHotTable hot_table(hot_state, {});
  fakes::FakeKeyValue key_value(kv_state, {});
  fakes::FakeLakeTable table(lake.source, {});
  pipeline::HotSink hot(hot_table, key_value, {.table = "t2", .epoch = Epoch{1}, .lake_position = Seq{100}},
                        [](RowId, const std::string&) { return ok_status(); });
  ASSERT_TRUE(hot.resolve().ok());
  ASSERT_TRUE(follow_hot(table, 0, hot, Seq{350}, {.hot_step_sequences = 60}, {}).ok());
  EXPECT_EQ(hot.position(), Seq{350});
  EXPECT_TRUE(hot.settled());
  const auto all = ids_where(Seq{350}, [](Seq seq) { return seq > Seq{100}; });
  EXPECT_EQ(std::vector<RowId>(hot_state.rows.begin(), hot_state.rows.end()), all);
}

}  // namespace
}  // namespace weir::backfill
