#include "backfill/row_throttle.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace weir::backfill {
namespace {

class ManualClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override {
    return std::chrono::steady_clock::time_point(std::chrono::milliseconds(now_ms_));
  }
  int64_t unix_us() const override { return now_ms_ * 1'000; }
  void advance(int64_t ms) { now_ms_ += ms; }

 private:
  std::atomic<int64_t> now_ms_{1'000};
};

// Whether rows may go without waiting.
bool at_once(RowThrottle& throttle, int64_t rows) {
  std::stop_source stop;
  std::atomic<bool> went{false};
  std::jthread taker([&] { went = throttle.take(rows, stop.get_token()); });
  for (int look = 0; look < 100 && !went; ++look) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  const bool result = went;
  stop.request_stop();
  return result;
}

TEST(RowThrottle, LetsEverythingThroughWithoutALimit) {
  ManualClock clock;
  RowThrottle throttle(clock);
  EXPECT_TRUE(throttle.take(1'000'000'000, {}));
  EXPECT_TRUE(throttle.take(1'000'000'000, {}));
}

TEST(RowThrottle, LetsABlockIntoDebtAndTheNextWaitForIt) {
  ManualClock clock;
  RowThrottle throttle(clock);
  throttle.set_rows_per_second(1'000);
  EXPECT_TRUE(at_once(throttle, 3'000));
  clock.advance(2'900);
  EXPECT_FALSE(at_once(throttle, 1));
  clock.advance(100);
  EXPECT_TRUE(at_once(throttle, 1));
}

TEST(RowThrottle, SavesNoMoreThanOneSecond) {
  ManualClock clock;
  RowThrottle throttle(clock);
  throttle.set_rows_per_second(1'000);
  clock.advance(60'000);
  EXPECT_TRUE(at_once(throttle, 1'500));
  clock.advance(400);
  EXPECT_FALSE(at_once(throttle, 1));
  clock.advance(100);
  EXPECT_TRUE(at_once(throttle, 1));
}

TEST(RowThrottle, ForgetsDebtsWhenTheRateChanges) {
  ManualClock clock;
  RowThrottle throttle(clock);
  throttle.set_rows_per_second(10);
  EXPECT_TRUE(at_once(throttle, 100'000));
  EXPECT_FALSE(at_once(throttle, 1));
  throttle.set_rows_per_second(0);
  EXPECT_TRUE(at_once(throttle, 1));
}

}  // namespace
}  // namespace weir::backfill
