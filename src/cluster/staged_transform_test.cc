#include "cluster/staged_transform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cluster/stream_job.h"
#include "nats/range_source.h"

namespace weir::cluster {
namespace {

using testing::HasSubstr;

class Store final : public CommittableStore {
 public:
  Status put(const std::string& job, const Committable& committable) override {
    left[job].push_back(committable);
    return ok_status();
  }
  Result<std::vector<Committable>> of_job(const std::string& job) override {
    if (!answer.ok()) return answer;
    return left[job];
  }
  Status remove(const std::string& job) override {
    left.erase(job);
    return ok_status();
  }
  Status sweep() override {
    left.clear();
    return ok_status();
  }

  std::map<std::string, std::vector<Committable>> left;
  Status answer;
};

/// A cluster whose executors do what `each` says to a part, and whose scheduler answers `outcome`.
class Runner final : public JobRunner {
 public:
  explicit Runner(Store& store) : store_(store) {}
  Result<int32_t> tasks() override {
    if (!there.ok()) return there;
    return 4;
  }
  Status run(const std::string& spec, const std::vector<std::string>& parts, const std::function<bool()>&) override {
    jobs.push_back(spec);
    for (const std::string& text : parts) each(spec, *part_from_json(text));
    return outcome;
  }

  void finish(const std::string& job, const Part& part) {
    Committable made{.part = part, .execution = new_id()};
    made.events = part.range.length();
    made.staged.files = {to_string(part.range)};
    ASSERT_TRUE(store_.put(job, made).ok());
  }

  std::function<void(const std::string& job, const Part& part)> each = [this](const auto& job, const auto& part) {
    finish(job, part);
  };
  Status there;
  Status outcome;
  std::vector<std::string> jobs;

 private:
  Store& store_;
};

struct StagedTransformTest : testing::Test {
  Result<std::shared_ptr<const Slice>> apply(SeqRange range = {Seq{1}, Seq{100'000}}) {
    return transform.apply(nats::UnreadRange({Seq{1}, Seq{100'000}}, [] { return false; }, [this](nats::UnreadRange::Question) { return stream; }), range);
  }

  Store store;
  Runner runner{store};
  Status stream;
  StagedTransform transform{runner, store, {.shard = 3, .plan_id = "p", .spec = [](const std::string& job) { return job; }}};
};

TEST_F(StagedTransformTest, ASliceOfWhatThePartsLeft) {
  const auto slice = apply();
  ASSERT_TRUE(slice.ok()) << slice.status().to_string();
  EXPECT_EQ((*slice)->shard, 3);
  EXPECT_EQ((*slice)->plan_id, "p");
  EXPECT_EQ((*slice)->events, 100'000);
  EXPECT_THAT((*slice)->staged->files, testing::ElementsAre("1..25000", "25001..50000", "50001..75000", "75001..100000"));
  EXPECT_TRUE(store.left.empty()) << "nobody needs them any more";
}

TEST_F(StagedTransformTest, AJobThatFailedButLeftAllPartsIsDone) {
  runner.outcome = unavailable("the executor that had the results is lost");
  EXPECT_TRUE(apply().ok());
}

TEST_F(StagedTransformTest, AJobThatSaysDoneButLeftTooLittleIsNot) {
  runner.each = [this](const auto& job, const Part& part) {
    if (part.number != 2) runner.finish(job, part);
  };
  EXPECT_EQ(apply().status().code(), StatusCode::kUnavailable);
}

TEST_F(StagedTransformTest, WhatAnEarlierJobLeftIsNeverSeen) {
  std::string first;
  runner.each = [&](const std::string& job, const Part& part) {
    if (first.empty()) first = job;
    if (part.number > 0) runner.finish(job, part);
  };
  ASSERT_EQ(apply().status().code(), StatusCode::kUnavailable);
  // An execution that went on leaves its part when the next job runs.
  runner.each = [&](const std::string& job, const Part& part) {
    runner.finish(first, part);
    if (part.number < 3) runner.finish(job, part);
  };
  EXPECT_EQ(apply().status().code(), StatusCode::kUnavailable);
  EXPECT_NE(runner.jobs[0], runner.jobs[1]);
}

TEST_F(StagedTransformTest, WhatOnlyAnExecutorMissesIsNoLoss) {
  runner.each = [this](const std::string& job, const Part& part) {
    ASSERT_TRUE(store.put(job, {.part = part, .execution = new_id(), .failure = data_loss("there is no such stream")}).ok());
  };
  EXPECT_EQ(apply().status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(apply().status().message(), HasSubstr("there is no such stream"));
}

TEST_F(StagedTransformTest, ThePartKnowsBetterThanTheJobWhatIsLost) {
  stream = data_loss("trimmed");
  runner.outcome = unavailable("some task failed");
  runner.each = [this](const std::string& job, const Part& part) {
    ASSERT_TRUE(store.put(job, {.part = part, .execution = new_id(), .failure = data_loss("trimmed")}).ok());
  };
  EXPECT_EQ(apply().status().code(), StatusCode::kDataLoss);
}

TEST_F(StagedTransformTest, WhatAPartFailedOfMayBeItsExecutors) {
  runner.each = [this](const std::string& job, const Part& part) {
    ASSERT_TRUE(store.put(job, {.part = part, .execution = new_id(), .failure = invalid_argument("no such file: ca.pem")}).ok());
  };
  EXPECT_EQ(apply().status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(apply().status().message(), HasSubstr("invalid argument: part 0 (1..25000): no such file: ca.pem"));
}

TEST_F(StagedTransformTest, OfAStreamThatBecameAnotherOneMeanwhileNothingIsTaken) {
  stream = data_loss("rolled back and written over");
  EXPECT_EQ(apply().status().code(), StatusCode::kDataLoss);
}

TEST_F(StagedTransformTest, WithoutAnExecutorNoJobIsBegun) {
  runner.there = unavailable("no executor");
  EXPECT_THAT(apply().status().message(), HasSubstr("no executor"));
  EXPECT_TRUE(runner.jobs.empty());
}

TEST_F(StagedTransformTest, StorageThatDoesNotAnswerIsNoSlice) {
  store.answer = unavailable("the lake is away");
  EXPECT_EQ(apply().status().code(), StatusCode::kUnavailable);
}

TEST_F(StagedTransformTest, StoppedIsStopped) {
  runner.outcome = shutting_down("stopped");
  EXPECT_EQ(apply().status().code(), StatusCode::kShuttingDown);
}

TEST(StreamJobText, ComesBackAsItWas) {
  StreamJob job{.id = "7", .pipeline = "p", .nats = {}, .lake = {}, .stream = "S", .subjects = {"a.>", "b"}, .plan = {}};
  job.nats.url = "nats://10.0.0.1:4222";
  job.nats.user = "weir";
  job.nats.password = SecretVariable{"WEIR_NATS_PASSWORD"};
  job.nats.tls_ca = "/etc/ca.pem";
  job.lake.url = "s3://bucket/lake";
  job.base = 5;
  job.created_us = 6;
  job.plan.table = "t";
  job.plan.input = {{.name = "a", .type = *parse_column_type("int64"), .from = *parse_value_source("/a")}};
  ASSERT_TRUE(set_rows_from_input(&job.plan).ok());
  const auto after = stream_job_from_json(to_json(job));
  ASSERT_TRUE(after.ok()) << after.status().to_string();
  EXPECT_EQ(to_json(*after), to_json(job));
  EXPECT_EQ(after->nats, job.nats);
  EXPECT_EQ(after->plan.id(), job.plan.id());
  for (const char* text : {"", "[]", "{}", R"({"job":"7"})"}) {
    EXPECT_EQ(stream_job_from_json(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

}  // namespace
}  // namespace weir::cluster
