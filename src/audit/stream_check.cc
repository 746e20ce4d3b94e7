#include "audit/stream_check.h"

#include <algorithm>

#include "audit/comparison.h"
#include "audit/lake_rows.h"
#include "audit/stream_rows.h"
#include "lake/plan_store.h"
#include "nats/stream_admin.h"
#include "ports/lake_table.h"

namespace weir::audit {

Status StreamCheck::run() {
  WEIR_ASSIGN_OR_RETURN(const auto admin, nats::StreamAdmin::open(*options.stream->connection));
  const auto info = admin.info(options.stream->stream);
  if (info.status().code() == StatusCode::kNotFound) {
    report.notes.push_back("stream: " + options.stream->stream + " is not there any more");
    return ok_status();
  }
  WEIR_RETURN_IF_ERROR(info.status());
  for (const auto& [shard, books] : shards) {
    if (shard < 0) continue;  // Files never were in a stream.
    const Status checked = check_shard(*info, shard, books);
    if (checked.code() == StatusCode::kDataLoss) {
      note(shard, "it lost events while they were read (" + checked.message() + "); audit again");
      continue;
    }
    WEIR_RETURN_IF_ERROR(checked);
  }
  return ok_status();
}

Status StreamCheck::check_shard(const nats::StreamInfo& stream, int32_t shard, const ShardBooks& books) {
  const auto created = txns.find(position_app_id(options.plan->table, shard) + "/stream_created_us");
  if (created != txns.end() && created->second != stream.created_us) {
    note(shard, "it is not the one that the lake was read from (re-created since)");
    return ok_status();
  }
  const auto history = lake::PlanStore(objects).history(options.plan->table, shard);
  WEIR_RETURN_IF_ERROR(history.status());
  if (history->empty()) {
    note(shard, "no plan is recorded for it");
    return ok_status();
  }
  SeqRange seqs{Seq{stream.first_seq + options.stream->base}, Seq{stream.last_seq + options.stream->base}};
  seqs.first = std::max(seqs.first, history->front().effective_from);
  seqs.last = std::min(seqs.last, books.position);
  seqs = asked_for(options, seqs);
  if (seqs.empty()) {
    note(shard, "it holds no event of the range any more");
    return ok_status();
  }
  return compare(seqs, shard);
}

Status StreamCheck::compare(SeqRange seqs, int32_t shard) {
  const IdentitySet none;
  StreamReplayOptions replay_options{.source = {}, .plan = options.plan};
  replay_options.source.stream = options.stream->stream;
  replay_options.source.subjects = options.stream->subjects;
  replay_options.source.shard = shard;
  replay_options.source.shards = options.stream->shards;
  replay_options.source.base = options.stream->base;
  StreamReplay replay(*options.stream->connection, clock, engine, lake::PlanStore(objects), std::move(replay_options));
  StreamRows rows(replay);
  RangeReport range{.shard = shard, .range = seqs, .what = "stream = lake"};
  const RowScope scope{.shard = shard, .seqs = seqs, .time_from_us = {}, .time_before_us = {}};
  const int64_t before = report.log.rows();
  ComparisonOptions comparison_options{.reference = StoreName::kStream,
                                       .other = StoreName::kLake,
                                       .columns = hashed_column_names(*options.plan),
                                       .doubles_known_of = StoreName::kLake,
                                       .reference_keeps_erased = true,
                                       .only_other = &replayed,
                                       .buckets_per_query = 16,
                                       .progress = {}};
  if (options.progress) {
    comparison_options.progress = [this, shard](SeqRange part) {
      options.progress(options.plan->table + ": shard " + std::to_string(shard) + ", " + to_string(part) +
                       " in stream and lake");
    };
  }
  Comparison comparison(rows, lake, erased, none, comparison_options, report.log);
  WEIR_ASSIGN_OR_RETURN(const ComparisonTotals totals, comparison.run(scope, /*required=*/true));
  range.stream_rows = totals.reference_rows;
  range.lake_rows = totals.other_rows;
  int64_t forgotten = totals.not_comparable;
  if (letters != nullptr) {
    comparison_options.other = StoreName::kDeadLetters;
    comparison_options.columns = hashed_letter_columns();
    comparison_options.doubles_known_of = StoreName::kDeadLetters;
    comparison_options.progress = {};
    comparison_options.only_other = nullptr;
    const auto made_again = rows.letters();
    Comparison of_letters(*made_again, *letters, none, none, comparison_options, report.log);
    WEIR_ASSIGN_OR_RETURN(const ComparisonTotals letter_totals, of_letters.run(scope, /*required=*/true));
    range.dead_letters = letter_totals.other_rows;
    range.stream_rows = *range.stream_rows + letter_totals.reference_rows;
    forgotten += letter_totals.not_comparable;
  }
  range.rows_at_fault = report.log.rows() - before;
  report.ranges.push_back(range);
  if (forgotten > 0) {
    note(shard, std::to_string(forgotten) + " rows are taken on trust: it no longer holds their events");
  }
  return ok_status();
}

void StreamCheck::note(int32_t shard, const std::string& why) {
  report.notes.push_back("stream " + options.stream->stream + ", shard " + std::to_string(shard) + ": " + why);
}

}  // namespace weir::audit
