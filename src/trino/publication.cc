#include "trino/publication.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <utility>

namespace weir::trino {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kMarginMax = std::chrono::hours(1);
constexpr int64_t kUsPerMs = 1'000;

// Until when a query may be planned on a view that takes rows after the lake's position from ClickHouse. All of these
// are at least as young as the newest event of the lake, so none of them goes before its time plus the retention.
std::optional<int64_t> valid_until_us(const TablePositions& at) {
  const int64_t life_ms = (*at.retention - retention_margin(*at.retention)).count();
  return (*at.lake_time_us / kUsPerMs + life_ms) * kUsPerMs;
}

// Whether a view published now stays valid for long enough to be replaced in time.
bool far_from_expiry(const TablePositions& at, int64_t now_us) {
  if (!at.retention) return true;
  if (!at.lake_time_us) return false;
  return *valid_until_us(at) > now_us + retention_margin(*at.retention).count() * kUsPerMs;
}

std::string why_lake_alone(const TablePositions& at) {
  switch (at.hot) {
    case HotState::kNone: return "";
    case HotState::kDetached: return "ClickHouse is detached";
    case HotState::kCatchingUp: return "ClickHouse is catching up";
    case HotState::kNoView: return "ClickHouse has no view for Trino, the log says why";
    case HotState::kIdle: return "weir does not run, and ClickHouse cannot be shown";
    case HotState::kLive: return "what ClickHouse has besides is about to expire, or not there yet";
  }
  return "";
}

Decision publish_lake_alone(const TablePositions& at) {
  return {.publish = true, .content = {.kind = ViewKind::kLakeAlone}, .reason = why_lake_alone(at)};
}

// The same ClickHouse view behind a newer version of the lake: rows up to there are the lake's from now on, and
// whatever ClickHouse showed above stays. So the version that a view names is never left to be cleaned away.
Decision move_on(const TablePositions& at, const ViewContent& published, std::string why) {
  Decision decision{.publish = at.lake_position >= published.w, .content = {}, .reason = std::move(why)};
  if (!decision.publish) return decision;
  decision.content = published;
  decision.content.w = at.lake_position;
  decision.content.lake_version = at.lake_version;
  return decision;
}

std::optional<int64_t> number_at(std::string_view text, size_t position) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data() + position, text.data() + text.size(), number);
  return error == std::errc() ? std::optional(number) : std::nullopt;
}

std::optional<int64_t> time_at(std::string_view text, size_t position) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int ms = 0;
  const std::string literal(text.substr(position, 40));
  if (std::sscanf(literal.c_str(), "TIMESTAMP '%d-%u-%u %d:%d:%d.%d UTC'", &year, &month, &day, &hour, &minute, &second,
                  &ms) != 7) {
    return std::nullopt;
  }
  const std::chrono::sys_days date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  const auto time =
      date + std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second) + milliseconds(ms);
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

}  // namespace

milliseconds retention_margin(milliseconds retention) { return std::min(kMarginMax, retention / 8); }

Decision decide(const TablePositions& at, const std::optional<ViewContent>& published, int64_t now_us) {
  if (at.hot == HotState::kNone) return publish_lake_alone(at);
  const bool joined = at.hot == HotState::kLive && at.hot_start <= at.lake_position;
  if (joined && at.hot_position >= at.lake_position && far_from_expiry(at, now_us)) {
    Decision decision{.publish = true, .reason = ""};
    decision.content = {
        .kind = ViewKind::kHotCold, .w = at.lake_position, .lake_version = at.lake_version, .hot_start = at.hot_start};
    if (at.retention) decision.content.valid_until_us = valid_until_us(at);
    return decision;
  }
  const bool hot_shown = published && published->kind == ViewKind::kHotCold;
  const bool stands =
      hot_shown && published->hot_start == at.hot_start && published->valid_until_us.value_or(now_us + 1) > now_us;
  if (joined && at.hot_position < at.lake_position && stands) {
    return move_on(at, *published, "ClickHouse is a moment behind the lake");
  }
  if (!hot_shown || at.lake_position >= at.hot_seen) return publish_lake_alone(at);
  return move_on(at, *published,
                 "the lake is at _seq " + std::to_string(at.lake_position) + " and ClickHouse has shown rows up to " +
                     std::to_string(at.hot_seen));
}

std::optional<ViewContent> content_of(std::string_view stored_query) {
  std::string query;
  std::copy_if(stored_query.begin(), stored_query.end(), std::back_inserter(query), [](char c) { return c != '"'; });
  constexpr std::string_view kAfterW = "_seq > ";
  constexpr std::string_view kVersion = "FOR VERSION AS OF ";
  constexpr std::string_view kDeadline = "current_timestamp < ";
  ViewContent content;
  const size_t after_w = query.find(kAfterW);
  if (after_w == std::string::npos) {
    return query.find("UNION") == std::string::npos ? std::optional(content) : std::nullopt;
  }
  const auto w = number_at(query, after_w + kAfterW.size());
  const size_t hot_view = query.rfind("_h", query.rfind("WHERE", after_w));
  const auto hot_start = hot_view == std::string::npos ? std::nullopt : number_at(query, hot_view + 2);
  const size_t version = query.find(kVersion);
  const auto lake_version = version == std::string::npos ? std::nullopt : number_at(query, version + kVersion.size());
  if (!w || !hot_start) return std::nullopt;
  // Views once had a predicate on _seq in place of a version.
  content = {.kind = ViewKind::kHotCold, .w = *w, .lake_version = lake_version.value_or(0), .hot_start = *hot_start};
  if (const size_t deadline = query.find(kDeadline); deadline != std::string::npos) {
    content.valid_until_us = time_at(query, deadline + kDeadline.size());
    if (!content.valid_until_us) return std::nullopt;
  }
  return content;
}

}  // namespace weir::trino
