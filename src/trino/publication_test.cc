#include "trino/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "trino/sql_text.h"

namespace weir::trino {
namespace {

using std::chrono::hours;

constexpr int64_t kHourUs = int64_t{3'600} * 1'000'000;
constexpr int64_t kNowUs = 500'000 * kHourUs;

ViewContent hot_cold(int64_t w, int64_t hot_start, std::optional<int64_t> until = {}) {
  return {.kind = ViewKind::kHotCold, .w = w, .hot_start = hot_start, .valid_until_us = until};
}

constexpr ViewContent kLakeAlone{};

struct Case {
  const char* what;
  TablePositions at;
  std::optional<ViewContent> published;
  std::optional<ViewContent> expected;  ///< Nothing: what is published stays.
};

TablePositions live(int64_t lake, int64_t hot, int64_t start = 0) {
  return {.lake_position = lake, .hot = HotState::kLive, .hot_position = hot, .hot_start = start, .hot_seen = hot};
}

TablePositions with(HotState state, TablePositions at, int64_t seen) {
  at.hot = state;
  at.hot_seen = seen;
  return at;
}

TablePositions retained(TablePositions at, hours retention, std::optional<int64_t> lake_time_us) {
  at.retention = retention;
  at.lake_time_us = lake_time_us;
  return at;
}

TablePositions at_version(int64_t version, TablePositions at) {
  at.lake_version = version;
  return at;
}

ViewContent at_version(int64_t version, ViewContent content) {
  content.lake_version = version;
  return content;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {"no ClickHouse in the pipeline", {.lake_position = 9}, {}, kLakeAlone},
      {"live, ClickHouse ahead of the lake", live(100, 130), {}, hot_cold(100, 0)},
      {"live, both at the same place", live(100, 100), hot_cold(90, 0), hot_cold(100, 0)},
      {"live, nothing in either yet", live(0, 0), {}, hot_cold(0, 0)},
      {"live from the lake's position on", live(100, 130, 100), {}, hot_cold(100, 100)},
      {"hot_start moved, the older view is gone", live(200, 230, 150), hot_cold(100, 0), hot_cold(200, 150)},
      {"hot_start is above the lake", live(100, 150, 150), hot_cold(90, 0), hot_cold(100, 0)},
      {"live and behind: rows up to the lake's position are the lake's", at_version(8, live(130, 120)),
       at_version(7, hot_cold(100, 0)), at_version(8, hot_cold(130, 0))},
      {"live and behind, by a snapshot that is older than what is published",
       at_version(8, live(130, 120)),
       at_version(9, hot_cold(140, 0)),
       {}},
      {"of the time before versions, live and behind", at_version(8, live(130, 120)), hot_cold(100, 0),
       at_version(8, hot_cold(130, 0))},
      {"of the time before versions, catching up, the lake lacks what was shown",
       at_version(8, with(HotState::kCatchingUp, live(100, 120), 130)), hot_cold(90, 0),
       at_version(8, hot_cold(100, 0))},
      {"live and behind, the lake alone shown: it may only grow", live(130, 120), kLakeAlone, kLakeAlone},
      {"live and behind, nothing shown", live(130, 120), {}, kLakeAlone},
      {"live and behind, on another hot_start", live(130, 120, 50), hot_cold(100, 0), kLakeAlone},
      {"live and behind, more was announced than the lake has", with(HotState::kLive, live(130, 120), 140),
       hot_cold(1, 9), hot_cold(130, 9)},
      {"live without a view for readers, the lake lacks what was shown", with(HotState::kNoView, live(100, 130), 130),
       hot_cold(90, 0), hot_cold(100, 0)},
      {"live without a view for readers from the begin", with(HotState::kNoView, live(100, 130), 130), {}, kLakeAlone},
      {"detached, the lake lacks what was shown", at_version(8, with(HotState::kDetached, live(100, 130), 130)),
       at_version(7, hot_cold(90, 0)), at_version(8, hot_cold(100, 0))},
      {"detached, nothing shown in Trino", with(HotState::kDetached, live(100, 130), 130), {}, kLakeAlone},
      {"detached, the lake alone shown", with(HotState::kDetached, live(100, 130), 130), kLakeAlone, kLakeAlone},
      {"detached, the lake has it now", with(HotState::kDetached, live(130, 130), 130), hot_cold(90, 0), kLakeAlone},
      {"detached, announced and not confirmed", with(HotState::kDetached, live(135, 130), 140), hot_cold(90, 0),
       hot_cold(135, 0)},
      {"catching up", with(HotState::kCatchingUp, live(200, 130), 130), hot_cold(90, 0), kLakeAlone},
      {"nothing runs, all in the lake", with(HotState::kIdle, live(130, 130), 130), hot_cold(90, 0), kLakeAlone},
      {"nothing runs, killed with rows in ClickHouse only", with(HotState::kIdle, live(100, 130), 130), hot_cold(90, 0),
       hot_cold(100, 0)},
      {"live, rows of a file came into the lake", at_version(8, live(100, 130)), at_version(7, hot_cold(100, 0)),
       at_version(8, hot_cold(100, 0))},
      {"the lake alone is of no version", at_version(8, with(HotState::kDetached, live(9, 9), 9)), {}, kLakeAlone},
      {"retention, young rows",
       retained(live(100, 130), hours(80), kNowUs),
       {},
       hot_cold(100, 0, kNowUs + 79 * kHourUs)},
      {"retention, rows about to expire, all in the lake", retained(live(100, 100), hours(80), kNowUs - 79 * kHourUs),
       hot_cold(100, 0, kNowUs), kLakeAlone},
      {"retention, rows about to expire, the lake behind", retained(live(110, 130), hours(80), kNowUs - 79 * kHourUs),
       hot_cold(100, 0, kNowUs), hot_cold(110, 0, kNowUs)},
      {"retention, time of the lake unknown", retained(live(100, 100), hours(80), {}), {}, kLakeAlone},
      {"retention, an old backlog is read",
       retained(live(100, 130), hours(80), kNowUs - 200 * kHourUs),
       {},
       kLakeAlone},
      {"retention, behind, and the published view has expired", retained(live(130, 120), hours(80), kNowUs),
       hot_cold(100, 0, kNowUs - 1), kLakeAlone},
  };
  return all;
}

TEST(Publication, IsNeverWrongWhateverHappens) {
  for (const Case& c : cases()) {
    const Decision decision = decide(c.at, c.published, kNowUs);
    EXPECT_EQ(decision.publish, c.expected.has_value()) << c.what;
    EXPECT_EQ(decision.content, c.expected.value_or(ViewContent{})) << c.what;
    EXPECT_TRUE(decision.publish || !decision.reason.empty()) << c.what;
    if (decision.publish && decision.content.kind == ViewKind::kHotCold) {
      EXPECT_EQ(decision.content.w, c.at.lake_position) << c.what;
      EXPECT_EQ(decision.content.lake_version, c.at.lake_version) << c.what;
    }
  }
}

TEST(Publication, SaysWhyItIsTheLakeAlone) {
  EXPECT_EQ(decide(with(HotState::kDetached, live(1, 1), 1), {}, 0).reason, "ClickHouse is detached");
  EXPECT_EQ(decide(with(HotState::kCatchingUp, live(1, 1), 1), {}, 0).reason, "ClickHouse is catching up");
  EXPECT_EQ(decide(with(HotState::kIdle, live(1, 1), 1), {}, 0).reason,
            "weir does not run, and ClickHouse cannot be shown");
  EXPECT_EQ(decide({.lake_position = 1}, {}, 0).reason, "");
  EXPECT_EQ(decide(with(HotState::kDetached, live(100, 130), 130), hot_cold(90, 0), 0).reason,
            "the lake is at _seq 100 and ClickHouse has shown rows up to 130");
}

TEST(Publication, LeavesAQueryTimeToEnd) {
  EXPECT_EQ(retention_margin(hours(720)), hours(1));
  EXPECT_EQ(retention_margin(std::chrono::seconds(80)), std::chrono::seconds(10));
}

// How Trino prints a view back, except for the columns.
std::string stored(const ViewContent& content) {
  std::string query = "SELECT\n  \"at\"\nFROM\n  \"lake\".\"weir_lake\".\"my_h5_table\"\n";
  if (content.kind == ViewKind::kLakeAlone) return query;
  const std::string w = std::to_string(content.w);
  query += "FOR VERSION AS OF " + std::to_string(content.lake_version) + "\n";
  query += "UNION ALL SELECT\n  \"at\"\nFROM\n  \"clickhouse\".\"weir_trino\".\"my_h5_table_h" +
           std::to_string(content.hot_start) + "\"\nWHERE ((\"_shard\" = 0) AND (\"_seq\" > " + w + "))\n";
  if (content.valid_until_us) {
    query +=
        "UNION ALL SELECT 1 WHERE IF((current_timestamp < " + timestamp_literal(*content.valid_until_us) + "), false";
  }
  return query;
}

TEST(StoredView, SaysWhatItShows) {
  ViewContent full = hot_cold(123'456'789'012, 77, 1'767'268'800'123'000);
  full.lake_version = 1'234'567;
  for (const ViewContent& content : {kLakeAlone, hot_cold(0, 0), hot_cold(9, 5), full}) {
    EXPECT_EQ(content_of(stored(content)), content);
  }
  EXPECT_EQ(
      content_of(
          "SELECT at FROM lake.t WHERE ((_shard = 0) AND (_seq <= 90)) UNION ALL SELECT at FROM c.t_h5 WHERE ((_shard "
          "= 0) AND (_seq > 90))"),
      hot_cold(90, 5));
  EXPECT_EQ(content_of("SELECT 1 UNION ALL SELECT 2"), std::nullopt);
  EXPECT_EQ(content_of("SELECT 1 FROM t WHERE _seq > x"), std::nullopt);
}

}  // namespace
}  // namespace weir::trino
