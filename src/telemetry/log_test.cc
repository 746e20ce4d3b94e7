#include "telemetry/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace weir {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

class FakeClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  int64_t unix_us() const override { return 1'700'000'000'123'456; }
  void advance(std::chrono::milliseconds by) { now_ += by; }

 private:
  std::chrono::steady_clock::time_point now_{};
};

class FakeOutput final : public LogOutput {
 public:
  explicit FakeOutput(std::vector<std::string>* lines) : lines_(lines) {}
  void write(LogLevel, std::string_view line) override { lines_->emplace_back(line); }
  void flush() override {}

 private:
  std::vector<std::string>* lines_;
};

class LogTest : public testing::Test {
 protected:
  std::unique_ptr<Logger> logger(const LogOptions& options) {
    return Logger::to_output(options, clock_, std::make_unique<FakeOutput>(&lines_));
  }

  FakeClock clock_;
  std::vector<std::string> lines_;
};

TEST_F(LogTest, ATextLineHasTimeLevelMessageAndFields) {
  logger({})->info("table opened", {{"table", "flights"}, {"seq", size_t{42}}, {"live", true}, {"lag", 1.5}});
  EXPECT_THAT(lines_,
              ElementsAre("2023-11-14T22:13:20.123Z info  table opened table=flights seq=42 live=true lag=1.5"));
}

TEST_F(LogTest, AJsonLineParsesAndKeepsTypes) {
  logger({.format = LogFormat::kJson})->warn("slow \"store\"", {{"seconds", 2.5}, {"table", "a"}, {"rows", 3}});
  const auto line = nlohmann::json::parse(lines_.at(0));
  EXPECT_EQ(line["level"], "warn");
  EXPECT_EQ(line["message"], "slow \"store\"");
  EXPECT_EQ(line["seconds"], 2.5);
  EXPECT_EQ(line["rows"], 3);
  EXPECT_EQ(line["time"], "2023-11-14T22:13:20.123Z");
}

TEST_F(LogTest, WhatAPeerSaysCannotStartALineOfItsOwn) {
  auto log = logger({});
  log->error("server refused", {{"reason", "bad\n2023 error fake=1 \"x\""}});
  EXPECT_THAT(lines_.at(0), Not(HasSubstr("\n")));
  EXPECT_THAT(lines_.at(0), EndsWith(R"(reason="bad\n2023 error fake=1 \"x\"")"));
}

TEST_F(LogTest, InvalidUtf8IsReplacedNotThrown) {
  logger({.format = LogFormat::kJson})->error("odd bytes", {{"subject", "\xff\xfe"}});
  EXPECT_TRUE(nlohmann::json::accept(lines_.at(0)));
}

TEST_F(LogTest, LinesBelowTheLevelAreNotWritten) {
  auto log = logger({.level = LogLevel::kWarn});
  log->info("quiet");
  log->warn("loud");
  EXPECT_EQ(lines_.size(), 1U);
}

TEST_F(LogTest, SecretsAndPayloadsAreNeverWritten) {
  logger({})->info("connecting", {{"password", "hunter2"}, {"nats_password", "hunter3"}, {"payload", "{card:4111}"}});
  EXPECT_THAT(lines_.at(0), Not(HasSubstr("hunter")));
  EXPECT_THAT(lines_.at(0), Not(HasSubstr("4111")));
}

TEST_F(LogTest, ARepeatedMessageIsHeldBackAndItsCountWrittenAfterTheWindow) {
  auto log = logger({.repeats_max = 2, .repeat_window = std::chrono::seconds(10)});
  for (int i = 0; i < 7; ++i) log->warn("insert failed", {{"attempt", i}});
  log->info("something else");
  EXPECT_EQ(lines_.size(), 3U);
  EXPECT_EQ(log->suppressed_total(), 5);
  clock_.advance(std::chrono::seconds(11));
  log->warn("insert failed", {{"attempt", 8}});
  EXPECT_THAT(lines_.at(3), EndsWith("insert failed suppressed=5"));
  EXPECT_THAT(lines_.at(4), EndsWith("insert failed attempt=8"));
}

TEST_F(LogTest, CountsStillHeldBackAreWrittenAtTheEnd) {
  auto log = logger({.repeats_max = 1});
  log->warn("x");
  log->warn("x");
  log.reset();
  EXPECT_THAT(lines_.back(), EndsWith("x suppressed=1"));
}

TEST_F(LogTest, VariableMessagesCannotGrowMemory) {
  auto log = logger({.repeats_max = 1});
  for (int i = 0; i < 5000; ++i) log->info("message " + std::to_string(i));
  EXPECT_EQ(lines_.size(), 5000U);
}

TEST(LogNames, AnUnknownLevelOrFormatListsTheKnownOnes) {
  EXPECT_EQ(*parse_log_level("debug"), LogLevel::kDebug);
  EXPECT_THAT(parse_log_level("verbose").status().message(), HasSubstr("debug, info, warn, error"));
  EXPECT_THAT(parse_log_format("xml").status().message(), HasSubstr("text, json"));
}

TEST(WithoutCredentials, DropsUserAndPasswordOnly) {
  EXPECT_EQ(without_credentials("https://ana:s3@host:8443/p?x=a@b"), "https://host:8443/p?x=a@b");
  EXPECT_EQ(without_credentials("nats://token@host"), "nats://host");
  EXPECT_EQ(without_credentials("http://host/a@b"), "http://host/a@b");
  EXPECT_EQ(without_credentials("embedded"), "embedded");
}

}  // namespace
}  // namespace weir
