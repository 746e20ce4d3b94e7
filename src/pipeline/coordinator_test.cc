#include "pipeline/coordinator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>

namespace weir::pipeline {
namespace {

class EmptyBatch final : public MessageBatch {
 public:
  explicit EmptyBatch(SeqRange range) : range_(range) {}
  SeqRange range() const override { return range_; }
  std::span<const Message> messages() const override { return {}; }
  int64_t bytes() const override { return 0; }

 private:
  SeqRange range_;
};

constexpr int kIdleTicks = 10;

// Two tables without ClickHouse over stores that do at once what they are asked for. The plan of table 0 ends at `ends_at`.
class TwoTables {
 public:
  explicit TwoTables(Seq ends_at) : ends_at_(ends_at), coordinator_({.tables = {{.name = "a", .staged = true}, {.name = "b"}}}) {}

  // Until nothing more happens by itself; reads are answered with the next ten sequences, `reads` times.
  void run(int reads) {
    reads_ = reads;
    take(coordinator_.on(Tick{}, now_));
    int idle_ticks = 0;
    while (!finish_ && idle_ticks < kIdleTicks) {
      now_ += std::chrono::seconds(1);
      if (actions_.empty()) {
        ++idle_ticks;
        take(coordinator_.on(Tick{}, now_));
        continue;
      }
      const Action action = std::move(actions_.front());
      actions_.pop_front();
      if (const auto event = answer(action)) take(coordinator_.on(*event, now_));
    }
  }

  /// The next transforms of table 0 fail.
  void fail_transforms(int times, Status why) {
    failures_ = times;
    failure_ = std::move(why);
  }
  /// So do the next writes, because what was staged is gone.
  void lose_writes(int times) { losses_ = times; }
  [[nodiscard]] int seeks() const { return seeks_; }
  [[nodiscard]] const Coordinator& coordinator() const { return coordinator_; }
  [[nodiscard]] const std::optional<Status>& finish() const { return finish_; }
  [[nodiscard]] Seq position(TableIndex table) const { return positions_[table]; }

 private:
  void take(std::vector<Action> actions) {
    for (Action& action : actions) actions_.push_back(std::move(action));
  }

  std::optional<Event> answer(const Action& action) {
    if (const auto* seek = std::get_if<Seek>(&action)) {
      ++seeks_;
      read_ = seek->first - 1;
      return Sought{};
    }
    if (const auto* resolve = std::get_if<Resolve>(&action)) {
      return Resolved{resolve->table, resolve->sink, Seq{0}, RunningCounts{}};
    }
    if (std::holds_alternative<Read>(action)) {
      if (reads_-- <= 0) return std::nullopt;
      read_ = read_ + 10;
      return BatchRead{BatchPtr(std::make_shared<EmptyBatch>(SeqRange{read_ - 9, read_}))};
    }
    if (const auto* transform = std::get_if<Transform>(&action)) {
      if (transform->table == 0 && failures_ > 0) return --failures_, Transformed{transform->table, failure_};
      return Transformed{transform->table, slice(*transform)};
    }
    if (const auto* write = std::get_if<Write>(&action)) {
      if (write->table == 0 && losses_ > 0) {
        return --losses_, Written{write->table, write->sink, not_found("its files"), positions_[write->table], RunningCounts{}};
      }
      positions_[write->table] = write->slices.back()->range.last;
      return Written{write->table, write->sink, ok_status(), positions_[write->table], RunningCounts{}};
    }
    if (std::holds_alternative<Release>(action)) return Released{};
    if (const auto* done = std::get_if<Finish>(&action)) finish_ = done->status;
    return std::nullopt;
  }

  SlicePtr slice(const Transform& transform) const {
    auto slice = std::make_shared<Slice>();
    slice->range = transform.range;
    slice->events = 1;
    if (transform.table == 0 && transform.range.contains(ends_at_)) {
      slice->range.last = ends_at_ - 1;
      slice->ends_plan = true;
    }
    return slice;
  }

  const Seq ends_at_;
  Coordinator coordinator_;
  TimePoint now_{};
  std::deque<Action> actions_;
  std::optional<Status> finish_;
  int reads_ = 0;
  int seeks_ = 0;
  int failures_ = 0;
  int losses_ = 0;
  Status failure_;
  Seq read_{0};
  Seq positions_[2]{};
};

TEST(Coordinator, APlanThatEndsDrainsWhatWasReadAndFinishes) {
  TwoTables tables(Seq{17});
  tables.run(/*reads=*/5);
  ASSERT_TRUE(tables.finish());
  EXPECT_TRUE(tables.finish()->ok()) << tables.finish()->to_string();
  EXPECT_TRUE(tables.coordinator().plan_ended());
  EXPECT_EQ(tables.position(0), Seq{16}) << "everything before the message that needs another plan, and nothing more";
  EXPECT_EQ(tables.position(1), Seq{20}) << "the other table keeps what was read";
}

TEST(Coordinator, APlanMayEndWithTheFirstMessageAfterThePosition) {
  TwoTables tables(Seq{1});
  tables.run(/*reads=*/5);
  ASSERT_TRUE(tables.finish());
  EXPECT_TRUE(tables.coordinator().plan_ended());
  EXPECT_EQ(tables.position(0), Seq{0});
  EXPECT_GE(tables.position(1), Seq{10});
}

TEST(Coordinator, ATableWhoseTransformsFailLeavesTheOthersAlone) {
  TwoTables tables(Seq{1'000});
  tables.fail_transforms(1'000, unavailable("its SQL takes too long"));
  tables.run(/*reads=*/60);
  EXPECT_EQ(tables.position(0), Seq{0});
  EXPECT_GE(tables.position(1), Seq{50}) << "it gets on between the attempts of the other";
}

TEST(Coordinator, WithoutAPlanThatEndsItGoesOn) {
  TwoTables tables(Seq{1'000});
  tables.run(/*reads=*/5);
  EXPECT_FALSE(tables.finish());
  EXPECT_FALSE(tables.coordinator().plan_ended());
}

TEST(Coordinator, ATransformThatMayPassIsReadAgain) {
  TwoTables tables(Seq{1'000});
  tables.fail_transforms(2, unavailable("no executor"));
  tables.run(/*reads=*/9);
  EXPECT_FALSE(tables.finish());
  EXPECT_EQ(tables.coordinator().source_error().message(), "") << "it works again";
  EXPECT_GT(tables.position(0), Seq{0});
  EXPECT_GE(tables.position(1), Seq{10}) << "the other table never waited";
}

TEST(Coordinator, WhileTransformsFailItSaysWhy) {
  TwoTables tables(Seq{1'000});
  tables.fail_transforms(100, unavailable("no executor"));
  tables.run(/*reads=*/3);
  EXPECT_EQ(tables.coordinator().source_error().message(), "transform: no executor");
  EXPECT_EQ(tables.position(0), Seq{0});
  EXPECT_GE(tables.position(1), Seq{10});
}

TEST(Coordinator, WhatWasStagedAndIsGoneIsReadAgain) {
  TwoTables tables(Seq{1'000});
  tables.lose_writes(1);
  tables.run(/*reads=*/6);
  EXPECT_FALSE(tables.finish());
  EXPECT_EQ(tables.seeks(), 2);
  EXPECT_GE(tables.position(0), Seq{20});
  EXPECT_GE(tables.position(1), Seq{20});
}

TEST(Coordinator, ATransformThatFindsEventsGoneStopsEverythingAndOneThatFailsOtherwiseItsTable) {
  TwoTables lost(Seq{1'000});
  lost.fail_transforms(1, data_loss("events 3..5 are gone"));
  lost.run(/*reads=*/3);
  ASSERT_TRUE(lost.finish());
  EXPECT_EQ(lost.finish()->code(), StatusCode::kDataLoss);

  TwoTables broken(Seq{1'000});
  broken.fail_transforms(1, internal_error("a defect"));
  broken.run(/*reads=*/3);
  EXPECT_TRUE(broken.coordinator().tables()[0].stopped());
  EXPECT_EQ(broken.position(1), Seq{30});
}

}  // namespace
}  // namespace weir::pipeline
