#include "backfill/progress.h"

#include <gtest/gtest.h>

namespace weir::backfill {
namespace {

ProgressMeter::TimePoint at(int seconds) { return ProgressMeter::TimePoint(std::chrono::seconds(seconds)); }

TEST(ProgressMeter, TellsRateAndTimeLeftFromTheLastTenSeconds) {
  ProgressMeter meter;
  meter.take({.rows_done = 0, .rows_total = 10'000, .bytes_total = {}}, at(0));
  meter.take({.rows_done = 2'000, .rows_total = 10'000, .bytes_total = {}}, at(4));
  EXPECT_DOUBLE_EQ(meter.rows_per_second(), 500);
  EXPECT_EQ(meter.time_left(), std::chrono::seconds(16));
  EXPECT_EQ(meter.line(), "2,000 of 10,000 rows · 500 rows/s · 16 s left");
}

TEST(ProgressMeter, TellsTheTimeLeftFromBytesWhereRowsAreNotKnown) {
  ProgressMeter meter;
  meter.take({.rows_done = 0, .rows_total = {}, .bytes_done = 0, .bytes_total = 1'000}, at(0));
  meter.take({.rows_done = 40, .rows_total = {}, .bytes_done = 100, .bytes_total = 1'000}, at(2));
  EXPECT_EQ(meter.line(), "40 rows · 20 rows/s · 18 s left");
}

TEST(ProgressMeter, PromisesNoEndWithoutATotal) {
  ProgressMeter meter;
  EXPECT_EQ(meter.line(), "starting");
  meter.take({.rows_done = 7, .rows_total = {}, .bytes_total = {}}, at(0));
  EXPECT_EQ(meter.time_left(), std::nullopt);
  EXPECT_EQ(meter.line(), "7 rows · 0 rows/s");
}

}  // namespace
}  // namespace weir::backfill
