#include "nats/range_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/stream_fixture.h"

namespace weir::nats {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class RangeSourceIntegration : public StreamFixture {
 protected:
  std::unique_ptr<RangeSource> ranges(int64_t sequences_max = 1'000, milliseconds gather = milliseconds(0)) {
    auto made = RangeSource::create(*connection_, system_clock(),
                                    {.stream = "S", .base = 0, .sequences_max = sequences_max, .gather = gather});
    EXPECT_TRUE(made.ok()) << made.status().to_string();
    return std::move(made).value();
  }
  /// The next range that is not empty.
  static std::unique_ptr<UnreadRange> next(RangeSource& source) {
    for (int i = 0; i < kPatience; ++i) {
      auto batch = source.next({.wait = milliseconds(20)}, {});
      if (batch.ok() && (*batch)->range().empty()) continue;
      EXPECT_TRUE(batch.ok()) << batch.status().to_string();
      if (!batch.ok()) break;
      return std::unique_ptr<UnreadRange>(dynamic_cast<UnreadRange*>(batch->release()));
    }
    ADD_FAILURE() << "no range came";
    return std::make_unique<UnreadRange>(SeqRange{}, [] { return false; }, [](UnreadRange::Question) { return ok_status(); });
  }
  /// 150 events, of which roll_back() keeps 100.
  void publish_150_and_keep_100() {
    publish("a.x", numbered(1, 100));
    keep_store();
    publish("a.x", numbered(101, 150));
  }
  /// What was lost is replaced by others.
  void roll_back_and_write_over() {
    roll_back();
    publish("a.x", numbered(1, 200));
  }
};

TEST_F(RangeSourceIntegration, HandsOutWhatTheStreamHoldsInRangesWithoutReadingIt) {
  make_stream();
  publish("a.x", numbered(1, 250));
  const auto source = ranges(100);
  ASSERT_TRUE(source->seek(Seq{11}, std::nullopt).ok());
  EXPECT_EQ(next(*source)->range(), (SeqRange{Seq{11}, Seq{110}}));
  const auto second = next(*source);
  EXPECT_EQ(second->range(), (SeqRange{Seq{111}, Seq{210}}));
  EXPECT_TRUE(second->messages().empty());
  EXPECT_EQ(next(*source)->range(), (SeqRange{Seq{211}, Seq{250}}));
  const auto nothing = source->next({.wait = milliseconds(1)}, {});
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE((*nothing)->range().empty());
}

TEST_F(RangeSourceIntegration, ARangeThatIsNotFullWaitsForMore) {
  make_stream();
  publish("a.x", numbered(1, 10));
  const auto source = ranges(100, std::chrono::hours(1));
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  const auto waiting = source->next({.wait = milliseconds(1)}, {});
  ASSERT_TRUE(waiting.ok());
  EXPECT_TRUE((*waiting)->range().empty());
  publish("a.x", numbered(11, 150));
  EXPECT_EQ(next(*source)->range(), (SeqRange{Seq{1}, Seq{100}}));
}

TEST_F(RangeSourceIntegration, ARangeIsUnwantedOnceStoppedOrGivenUp) {
  make_stream();
  publish("a.x", numbered(1, 10));
  const auto source = ranges();
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  std::stop_source stop;
  const auto batch = source->next({.wait = milliseconds(1)}, stop.get_token());
  ASSERT_TRUE(batch.ok());
  const auto* range = dynamic_cast<const UnreadRange*>(batch->get());
  ASSERT_NE(range, nullptr);
  EXPECT_FALSE(range->unwanted());
  stop.request_stop();
  EXPECT_TRUE(range->unwanted());
  publish("a.x", numbered(11, 20));
  const auto second = next(*source);
  EXPECT_FALSE(second->unwanted());
  source->give_up();
  EXPECT_TRUE(second->unwanted());
}

TEST_F(RangeSourceIntegration, AStreamThatWasRolledBackWhileOthersReadItIsNotTheSame) {
  make_stream();
  publish_150_and_keep_100();
  const auto source = ranges();
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  const auto range = next(*source);
  EXPECT_TRUE(range->still_the_same().ok());
  roll_back_and_write_over();
  const Status status = range->still_the_same();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("event 150 was stored at"));
  EXPECT_EQ(source->next({.wait = milliseconds(1)}, {}).status().code(), StatusCode::kDataLoss);
}

TEST_F(RangeSourceIntegration, ReadingAgainFromFurtherBackForgetsNothing) {
  make_stream();
  publish_150_and_keep_100();
  const auto source = ranges(50);
  ASSERT_TRUE(source->seek(Seq{101}, std::nullopt).ok());
  EXPECT_EQ(next(*source)->range(), (SeqRange{Seq{101}, Seq{150}}));
  // Another table is behind: what it reads is below everything that was rolled back.
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  const auto range = next(*source);
  EXPECT_EQ(range->range(), (SeqRange{Seq{1}, Seq{50}}));
  roll_back_and_write_over();
  EXPECT_EQ(range->still_the_same().code(), StatusCode::kDataLoss);
  EXPECT_EQ(source->seek(Seq{1}, std::nullopt).code(), StatusCode::kDataLoss);
}

TEST_F(RangeSourceIntegration, AStreamThatLetsGoOfWhatWasReadIsTheSame) {
  make_stream();
  publish("a.x", numbered(1, 100));
  const auto source = ranges(50);
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  const auto range = next(*source);
  ASSERT_TRUE(admin_->purge("S", 81).ok());
  EXPECT_TRUE(range->still_the_same().ok()) << range->still_the_same().to_string();
  EXPECT_EQ(range->still_readable().code(), StatusCode::kDataLoss);
  EXPECT_THAT(range->still_readable().message(), HasSubstr("1..80"));
  const Status gone = source->next({.wait = milliseconds(1)}, {}).status();
  EXPECT_EQ(gone.code(), StatusCode::kDataLoss);
  EXPECT_THAT(gone.message(), HasSubstr("51..80"));
}

TEST_F(RangeSourceIntegration, ARangeThatEndsInADeletedEventIsStillKnownByTheOneBefore) {
  make_stream();
  publish_150_and_keep_100();
  const auto source = ranges(1'000);
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  ASSERT_EQ(next(*source)->range().last, Seq{150});
  publish("a.x", numbered(151, 160));
  ASSERT_TRUE(admin_->remove_message("S", 160).ok());
  const auto range = next(*source);
  EXPECT_EQ(range->range(), (SeqRange{Seq{151}, Seq{160}}));
  EXPECT_TRUE(range->still_the_same().ok());
  roll_back_and_write_over();
  EXPECT_EQ(range->still_the_same().code(), StatusCode::kDataLoss);
}

TEST_F(RangeSourceIntegration, AStreamThatWasMadeAnewOrIsGoneIsALoss) {
  make_stream();
  publish("a.x", numbered(1, 10));
  const auto source = ranges();
  ASSERT_TRUE(source->seek(Seq{1}, std::nullopt).ok());
  const auto range = next(*source);
  ASSERT_TRUE(admin_->remove("S").ok());
  EXPECT_EQ(range->still_the_same().code(), StatusCode::kDataLoss);
  make_stream();
  publish("a.x", numbered(1, 50));
  EXPECT_THAT(range->still_the_same().message(), HasSubstr("re-created"));
}

}  // namespace
}  // namespace weir::nats
