#include "audit/hot_check.h"

#include <algorithm>

#include "audit/comparison.h"
#include "audit/lake_rows.h"
#include "clickhouse/table_setup.h"

namespace weir::audit {
namespace {

constexpr std::chrono::microseconds kExpiryMargin = std::chrono::hours(24);

void append(std::vector<HotSegment>* segments, HotSegment segment) {
  if (!segment.seqs.empty()) segments->push_back(segment);
}

}  // namespace

int64_t expiry_cutoff(int64_t now_us, std::chrono::microseconds retention) {
  return now_us - retention.count() + std::min(kExpiryMargin, retention / 4).count();
}

std::vector<HotSegment> hot_segments(int32_t shard, Seq lake_position,
                                     const std::optional<pipeline::HotPosition>& position,
                                     std::optional<Seq> covered_upper, std::optional<int64_t> covered_from_us,
                                     std::optional<int64_t> expires_before_us) {
  const Seq covered = std::min(covered_upper.value_or(Seq{0}), lake_position);
  const bool known = shard >= 0 && position && !position->provisional;
  const Seq live_end = known ? std::min(position->hot_position, lake_position) : Seq{0};
  const Seq live_start = known ? std::min(position->hot_start, live_end) : Seq{0};
  // Without a position nothing is owed, and what is there must still be the lake's.
  const Seq history_end = known ? live_start : lake_position;
  std::optional<int64_t> history_from = expires_before_us;
  if (covered_from_us) history_from = std::max(*covered_from_us, expires_before_us.value_or(*covered_from_us));
  std::vector<HotSegment> segments;
  append(&segments, {.seqs = {Seq{1}, covered}, .required = true, .required_from_us = history_from});
  append(&segments, {.seqs = {covered + 1, history_end}, .required = false});
  if (known) {
    append(&segments, {.seqs = {std::max(covered, live_start) + 1, live_end},
                       .required = true,
                       .required_from_us = expires_before_us});
  }
  return segments;
}

Status HotCheck::run() {
  clickhouse::Client& client = *options.hot->client;
  WEIR_RETURN_IF_ERROR(client.ping().status());
  WEIR_ASSIGN_OR_RETURN(const auto state, clickhouse::table_state(client, options.plan->table));
  if (!state) {
    table_is_missing();
    return ok_status();
  }
  WEIR_ASSIGN_OR_RETURN(HotRows hot, HotRows::open(client, *options.plan, *state));
  for (const auto& [shard, books] : shards) WEIR_RETURN_IF_ERROR(check_shard(hot, shard, books));
  return options.from_seq || options.to_seq ? ok_status() : find_above(hot);
}

Result<std::optional<pipeline::HotPosition>> HotCheck::position_of(int32_t shard) const {
  if (shard < 0) return std::optional<pipeline::HotPosition>();
  return options.hot->position(shard);
}

void HotCheck::table_is_missing() {
  int64_t rows = 0;
  for (const auto& [shard, books] : shards) rows += books.rows.value_or(0);
  report.log.add({.kind = FindingKind::kTableMissing, .store = StoreName::kClickHouse, .rows = rows});
}

Status HotCheck::check_shard(HotRows& hot, int32_t shard, const ShardBooks& books) {
  WEIR_ASSIGN_OR_RETURN(const auto position, position_of(shard));
  if (shard >= 0 && (!position || position->provisional)) {
    report.notes.push_back("ClickHouse: shard " + std::to_string(shard) +
                           " has no position yet, so nothing is demanded; `weir run` sets it");
  }
  std::optional<Seq> covered;
  if (const auto found = options.hot->covered_upper.find(shard); found != options.hot->covered_upper.end()) {
    covered = found->second;
  }
  std::optional<int64_t> expiry;
  if (options.hot->retention) expiry = expiry_cutoff(options.now_us, *options.hot->retention);
  const auto segments =
      hot_segments(shard, books.position, position, covered, options.hot->covered_from_us, expiry);
  for (const HotSegment& segment : segments) {
    RowScope scope{.shard = shard, .seqs = asked_for(options, segment.seqs), .time_from_us = {}, .time_before_us = {}};
    if (segment.required_from_us) {
      scope.time_before_us = segment.required_from_us;
      WEIR_RETURN_IF_ERROR(compare(hot, scope, /*required=*/false));
      scope.time_before_us = {};
      scope.time_from_us = segment.required_from_us;
    }
    WEIR_RETURN_IF_ERROR(compare(hot, scope, segment.required));
  }
  return ok_status();
}

Status HotCheck::compare(HotRows& hot, const RowScope& scope, bool required) {
  if (scope.seqs.empty()) return ok_status();
  RangeReport range{.shard = scope.shard, .range = scope.seqs, .what = {}};
  range.what = required ? "lake = ClickHouse" : scope.time_before_us ? "ClickHouse, may have expired"
                                                                      : "ClickHouse, not demanded";
  if (!required) {
    // Nothing there is nothing wrong, and the lake need not be read for it.
    WEIR_ASSIGN_OR_RETURN(const RowDigest there, hot.count(scope));
    if (there.rows == 0) {
      if (scope.time_before_us) return ok_status();
      range.hot_rows = 0;
      report.ranges.push_back(range);
      return ok_status();
    }
  }
  ComparisonOptions comparison_options{.columns = hashed_column_names(*options.plan),
                                       .doubles_known_of = StoreName::kLake,
                                       .progress = {}};
  if (options.progress) {
    comparison_options.progress = [this, &scope](SeqRange part) {
      options.progress(options.plan->table + ": shard " + std::to_string(scope.shard) + ", " + to_string(part) +
                       " in lake and ClickHouse");
    };
  }
  const int64_t before = report.log.rows();
  Comparison comparison(lake, hot, erased, quarantined, std::move(comparison_options), report.log);
  WEIR_ASSIGN_OR_RETURN(const ComparisonTotals totals, comparison.run(scope, required));
  range.lake_rows = totals.reference_rows;
  range.hot_rows = totals.other_rows;
  range.rows_at_fault = report.log.rows() - before;
  report.quarantined += totals.quarantined;
  report.ranges.push_back(range);
  return ok_status();
}

// Rows above a position are announced in KV before they are inserted. So the rows are looked at first and the position
// after them: what stands above it then was never announced.
Status HotCheck::find_above(HotRows& hot) {
  WEIR_ASSIGN_OR_RETURN(const auto there, hot.shards());
  for (const auto& [shard, rows] : there) {
    const auto books = shards.find(shard);
    Seq ceiling{-1};
    std::string detail = "the lake has no position for this shard";
    if (books != shards.end()) {
      ceiling = books->second.position;
      detail = "the position is " + to_string(ceiling);
      if (shard >= 0) {
        WEIR_ASSIGN_OR_RETURN(const auto position, position_of(shard));
        if (!position || position->provisional) continue;
        ceiling = std::max(position->hot_position, position->in_flight ? position->in_flight->range.last : Seq{0});
        detail = "the position is " + to_string(position->hot_position);
      }
    }
    if (rows.last <= ceiling) continue;
    const RowScope above{.shard = shard, .seqs = {ceiling + 1, rows.last}, .time_from_us = {}, .time_before_us = {}};
    WEIR_ASSIGN_OR_RETURN(const RowDigest found, hot.count(above));
    if (found.rows == 0) continue;
    report.log.add({.kind = FindingKind::kAbovePosition,
                    .store = StoreName::kClickHouse,
                    .shard = shard,
                    .range = {found.first, found.last},
                    .rows = found.rows,
                    .detail = detail});
    report.ranges.push_back({.shard = shard,
                             .range = {found.first, found.last},
                             .what = "ClickHouse above its position",
                             .hot_rows = found.rows,
                             .rows_at_fault = found.rows});
  }
  return ok_status();
}

}  // namespace weir::audit
