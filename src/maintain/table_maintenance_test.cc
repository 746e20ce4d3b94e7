#include "maintain/table_maintenance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "tests/fakes/fake_maintained_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::maintain {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using testing::HasSubstr;

// Six files, an hour apart, of which a rewrite has made one three hours ago; version 3 has a checkpoint.
class UpkeepThatPausesTest : public testing::Test, private Clock {
 protected:
  UpkeepThatPausesTest() {
    state_.now_ms = [this] { return now_ms_; };
    for (int64_t seq = 1; seq <= 6; ++seq) {
      const auto files = state_.write({fakes::rows_of({{Seq{seq}, 0}})});
      EXPECT_TRUE(state_.land(state_.log.size() - 1, {.added = files, .removed = {}, .txns = {}}).ok());
      now_ms_ += milliseconds(hours(1)).count();
    }
    EXPECT_TRUE(table()->optimize({}).ok());
    state_.checkpoint(3);
    now_ms_ += milliseconds(hours(3)).count();
  }

  std::unique_ptr<MaintainedTable> table() {
    const fakes::Faults faults{.fate = [this](std::string_view step) {
      // Once: the process is stopped inside this call, and goes on later.
      if (step == pause_at_) now_ms_ += std::exchange(pause_, milliseconds(0)).count();
      return fakes::Fate::kDone;
    }};
    return std::make_unique<fakes::FakeMaintainedTable>(state_, faults, "t",
                                                        [] { return std::map<std::string, std::string>(); });
  }

  StepReport run(Step step, std::string_view pause_at, milliseconds pause) {
    pause_at_ = pause_at;
    pause_ = pause;
    Options options;
    options.steps = {step};
    options.retention = options.log_retention = hours(1);
    options.log_versions_min = 1;
    const auto reports = TableMaintenance(*this, "t", {}, table()).run(options, {});
    EXPECT_EQ(reports.size(), 1U);
    return reports.front();
  }

  fakes::LakeState state_;

 private:
  [[nodiscard]] std::chrono::steady_clock::time_point now() const override { return {}; }
  [[nodiscard]] int64_t unix_us() const override { return now_ms_ * 1000; }

  int64_t now_ms_ = 1'700'000'000'000;
  std::string pause_at_;
  milliseconds pause_{0};
};

TEST_F(UpkeepThatPausesTest, AVacuumDeletesWhatIsOldEnough) {
  const StepReport vacuum = run(Step::kVacuum, "upkeep.list", minutes(10));
  EXPECT_EQ(vacuum.outcome, Outcome::kDone) << vacuum.note;
  EXPECT_EQ(vacuum.files, 6);
}

TEST_F(UpkeepThatPausesTest, AVacuumThatStoodStillSinceItLookedForJobsDeletesNothing) {
  const StepReport vacuum = run(Step::kVacuum, "upkeep.list", minutes(20));
  EXPECT_EQ(vacuum.outcome, Outcome::kSkipped);
  EXPECT_THAT(vacuum.note, HasSubstr("stood still for 20 minutes"));
  EXPECT_EQ(vacuum.files, 0);
  EXPECT_EQ(state_.deletions, 0U);
  EXPECT_EQ(run(Step::kVacuum, "", minutes(0)).outcome, Outcome::kDone) << "the next one looks again";
}

TEST_F(UpkeepThatPausesTest, ACleanUpThatStoodStillSinceItLookedForJobsDeletesNothing) {
  const StepReport clean_up = run(Step::kCleanLog, "upkeep.get", minutes(20));
  EXPECT_EQ(clean_up.outcome, Outcome::kSkipped);
  EXPECT_EQ(state_.deletions, 0U);
  const StepReport next = run(Step::kCleanLog, "", minutes(0));
  EXPECT_EQ(next.outcome, Outcome::kDone) << next.note;
  EXPECT_EQ(next.versions, 3) << "every entry below the checkpoint";
}

}  // namespace
}  // namespace weir::maintain
