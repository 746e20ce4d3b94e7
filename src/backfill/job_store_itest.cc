#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "backfill/job_store.h"
#include "tests/support/lake_folder.h"

namespace weir::backfill {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::SizeIs;

class JobStoreTest : public testing::Test {
 protected:
  JobStoreTest()
      : engine_(engine::Engine::open({}).value()), store_(engine::ObjectStore(*engine_, lake_.url(), true)) {}

  Result<JobRecord> create(const std::string& table, int64_t created_us = 1) {
    return store_.create({.table = table, .created_us = created_us}, {}, "pipeline.toml");
  }

  test::LakeFolder lake_;
  const std::unique_ptr<engine::Engine> engine_;
  const JobStore store_;
};

TEST_F(JobStoreTest, NumbersTheJobsOfATableFromOneAndListsThem) {
  EXPECT_THAT(store_.list("events").value(), SizeIs(0));
  EXPECT_EQ(store_.last("events").value(), std::nullopt);
  JobRecord job = create("events").value();
  EXPECT_EQ(job.spec.number, 1);
  job.progress.state = JobState::kDone;
  ASSERT_TRUE(store_.put_progress(job.spec, job.progress).ok());
  EXPECT_EQ(create("events", 2).value().spec.number, 2);
  EXPECT_EQ(create("others").value().spec.number, 1);
  const auto jobs = store_.list("events").value();
  ASSERT_THAT(jobs, SizeIs(2));
  EXPECT_EQ(jobs[0].state(), JobState::kDone);
  EXPECT_EQ(jobs[1].state(), JobState::kPending);
  EXPECT_EQ(store_.last("events").value()->spec.number, 2);
}

TEST_F(JobStoreTest, RefusesASecondJobOfATableWhileTheFirstHasNotEnded) {
  JobRecord job = create("events").value();
  for (const JobState state : {JobState::kPending, JobState::kRunning, JobState::kPaused}) {
    job.progress.state = state;
    ASSERT_TRUE(store_.put_progress(job.spec, job.progress).ok());
    const auto second = create("events", 2);
    ASSERT_EQ(second.status().code(), StatusCode::kAlreadyExists);
    EXPECT_THAT(second.status().message(),
                AllOf(HasSubstr("backfill 1 of table events"), HasSubstr("pipeline.toml --table events"),
                      HasSubstr("--resume"), HasSubstr("--cancel"), HasSubstr("--list")));
  }
  ASSERT_TRUE(store_.put_control(job.spec, {.wish = JobWish::kCancel}).ok());
  EXPECT_EQ(create("events", 3).value().spec.number, 2);
}

TEST_F(JobStoreTest, LetsOneOfManyCommandsAtOnceMakeTheJob) {
  std::atomic<int> made{0};
  std::atomic<int> refused{0};
  {
    std::vector<std::jthread> commands;
    for (int i = 0; i < 8; ++i) {
      commands.emplace_back([&, i] {
        const auto job = create("events", 100 + i);
        ++(job.ok() ? made : refused);
      });
    }
  }
  EXPECT_EQ(made, 1);
  EXPECT_EQ(refused, 7);
  EXPECT_THAT(store_.list("events").value(), SizeIs(1));
}

}  // namespace
}  // namespace weir::backfill
