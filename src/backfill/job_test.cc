#include "backfill/job.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace weir::backfill {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

TEST(OrdinalSet, JoinsNeighboursAndOverlapsInAnyOrder) {
  OrdinalSet set;
  set.add(7);
  set.add(3);
  set.add(5);
  EXPECT_EQ(set.count(), 3);
  EXPECT_THAT(set.ranges(), ElementsAre(Pair(3, 3), Pair(5, 5), Pair(7, 7)));
  set.add(6);
  EXPECT_THAT(set.ranges(), ElementsAre(Pair(3, 3), Pair(5, 7)));
  set.add(0, 4);
  EXPECT_THAT(set.ranges(), ElementsAre(Pair(0, 7)));
  set.add(2, 3);
  EXPECT_EQ(set.count(), 8);
  EXPECT_TRUE(set.contains(0));
  EXPECT_TRUE(set.contains(7));
  EXPECT_FALSE(set.contains(8));
  EXPECT_FALSE(set.contains(-1));
}

JobSpec some_spec() {
  return {.number = 3,
          .table = "events",
          .where = "amount > 10 AND customer <> '\"'",
          .partitions = {{"day", "2026-03-01"}, {"day", "2026-03-02"}},
          .order = UnitOrder::kOldestFirst,
          .parallelism = 4,
          .skip_ahead = true,
          .keep_from_us = 1'700'000'000'000'001,
          .created_us = 1'800'000'000'000'000};
}

TEST(Job, IsReadBackAsItWasWritten) {
  const auto spec = spec_from_json("spec.json", to_json(some_spec()));
  ASSERT_TRUE(spec.ok()) << spec.status().to_string();
  EXPECT_EQ(*spec, some_spec());

  JobProgress progress{.state = JobState::kRunning, .epoch = Epoch{9}, .holder = "host:7"};
  progress.pin = {.version = 12,
                  .upper = {{0, Seq{(int64_t{1} << 62) + 1}}, {-3, Seq{5}}},
                  .clickhouse_uuid = "u",
                  .hot_start = Seq{3},
                  .units_digest = "d"};
  progress.done.add(0, 4);
  progress.done.add(9);
  progress.rows = 123;
  progress.last_error = "waits \xff";
  const auto read = progress_from_json("progress.json", to_json(progress));
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  progress.last_error = "waits \xEF\xBF\xBD";
  EXPECT_EQ(*read, progress);
  EXPECT_EQ(read->pin->hand_over(), (Seq{(int64_t{1} << 62) + 1}));

  const JobControl control{.wish = JobWish::kPause, .rows_per_second = 5};
  EXPECT_EQ(*control_from_json("control.json", to_json(control)), control);
}

TEST(Job, ObjectThatIsNotOneIsDataLossAndNamed) {
  for (const std::string& text :
       {std::string("{"), std::string("{}"), std::string(R"({"wish":"jump","rows_per_second":0})")}) {
    const auto control = control_from_json("_weir/jobs/t/control.json", text);
    ASSERT_EQ(control.status().code(), StatusCode::kDataLoss) << text;
    EXPECT_THAT(control.status().message(), HasSubstr("_weir/jobs/t/control.json"));
  }
}

TEST(Job, CancelledOneHasEndedAlsoWhenNobodyWasThereToNotice) {
  JobRecord record;
  EXPECT_EQ(record.state(), JobState::kPending);
  record.progress.state = JobState::kRunning;
  record.control.wish = JobWish::kPause;
  EXPECT_EQ(record.state(), JobState::kPaused);
  record.control.wish = JobWish::kCancel;
  EXPECT_EQ(record.state(), JobState::kCancelled);
  EXPECT_TRUE(has_ended(record.state()));
  record.progress.state = JobState::kDone;
  EXPECT_EQ(record.state(), JobState::kDone);
}

}  // namespace
}  // namespace weir::backfill
