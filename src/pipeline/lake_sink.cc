#include "pipeline/lake_sink.h"

#include <arrow/record_batch.h>

#include <nlohmann/json.hpp>
#include <utility>

namespace weir::pipeline {

LakeSink::LakeSink(LakeTable& table, LakeSinkOptions options)
    : ledger_(table, position_app_id(options.table, options.shard), options.epoch, options.initial),
      options_(std::move(options)) {}

Result<Seq> LakeSink::resolve() {
  WEIR_ASSIGN_OR_RETURN(const Seq position, ledger_.take_over());
  WEIR_ASSIGN_OR_RETURN(counts_.events, ledger_.counter("events"));
  WEIR_ASSIGN_OR_RETURN(counts_.filtered, ledger_.counter("filtered"));
  WEIR_ASSIGN_OR_RETURN(counts_.rejects, ledger_.counter("rejects"));
  WEIR_RETURN_IF_ERROR(read_replays());
  return position;
}

// Replays of dead letters commit beside us.
Status LakeSink::read_replays() {
  WEIR_ASSIGN_OR_RETURN(counts_.replayed, ledger_.counter("replayed"));
  WEIR_ASSIGN_OR_RETURN(counts_.replayed_filtered, ledger_.counter("replayed_filtered"));
  return ok_status();
}

Status LakeSink::write(const std::vector<std::shared_ptr<const Slice>>& slices) {
  if (slices.empty()) return ok_status();
  const SeqRange range{slices.front()->range.first, slices.back()->range.last};
  if (range.first != position() + 1) {
    return internal_error("lake write of " + to_string(range) + " at position " + to_string(position()));
  }
  RunningCounts counts = counts_;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  std::vector<std::string> staged;
  const Slice* last_with_event = nullptr;
  for (const auto& slice : slices) {
    counts.events += slice->events;
    counts.filtered += slice->filtered;
    counts.rejects += slice->reject_count();
    if (slice->staged) {
      staged.insert(staged.end(), slice->staged->files.begin(), slice->staged->files.end());
    } else if (slice->rows->num_rows() > 0) {
      batches.push_back(slice->rows);
    }
    if (slice->last_event.value > 0) last_with_event = slice.get();
  }
  WEIR_ASSIGN_OR_RETURN(const auto files, ledger_.files_of(batches, std::move(staged)));
  std::vector<LakeTxn> also{{ledger_.app_id_of("events"), counts.events},
                            {ledger_.app_id_of("filtered"), counts.filtered},
                            {ledger_.app_id_of("rejects"), counts.rejects}};
  const bool from_stream = options_.stream_created_us != 0;
  if (from_stream) also.push_back({ledger_.app_id_of("stream_created_us"), options_.stream_created_us});
  if (from_stream && last_with_event != nullptr) {
    also.push_back({ledger_.app_id_of("stream_seq"), last_with_event->last_event.value - options_.stream_base});
    also.push_back({ledger_.app_id_of("stream_time_us"), last_with_event->last_time_us});
  }
  const nlohmann::json info{{"weir",
                             {{"plan", slices.back()->plan_id},
                              {"shard", options_.shard},
                              {"first_seq", range.first.value},
                              {"last_seq", range.last.value}}}};
  WEIR_RETURN_IF_ERROR(ledger_.commit(position(), range.last, files.get(), also, info.dump()));
  counts_ = counts;
  return read_replays();
}

Status LakeSink::checkpoint() { return ledger_.table().checkpoint(); }

Result<std::optional<StreamIdentity>> stream_identity(const LakeSnapshot& snapshot, std::string_view table,
                                                      int32_t shard) {
  const std::string app_id = position_app_id(table, shard);
  WEIR_ASSIGN_OR_RETURN(const auto created, snapshot.txn(app_id + "/stream_created_us"));
  if (!created) return std::optional<StreamIdentity>();
  WEIR_ASSIGN_OR_RETURN(const auto seq, snapshot.txn(app_id + "/stream_seq"));
  WEIR_ASSIGN_OR_RETURN(const auto time_us, snapshot.txn(app_id + "/stream_time_us"));
  return std::optional<StreamIdentity>(
      StreamIdentity{.created_us = *created, .last_seq = seq.value_or(0), .last_time_us = time_us.value_or(0)});
}

Result<RunningCounts> running_counts(const LakeSnapshot& snapshot, std::string_view table, int32_t shard) {
  const std::string app_id = position_app_id(table, shard);
  WEIR_ASSIGN_OR_RETURN(const auto events, snapshot.txn(app_id + "/events"));
  WEIR_ASSIGN_OR_RETURN(const auto filtered, snapshot.txn(app_id + "/filtered"));
  WEIR_ASSIGN_OR_RETURN(const auto rejects, snapshot.txn(app_id + "/rejects"));
  WEIR_ASSIGN_OR_RETURN(const auto replayed, snapshot.txn(app_id + "/replayed"));
  WEIR_ASSIGN_OR_RETURN(const auto replayed_filtered, snapshot.txn(app_id + "/replayed_filtered"));
  return RunningCounts{.events = events.value_or(0),
                       .filtered = filtered.value_or(0),
                       .rejects = rejects.value_or(0),
                       .replayed = replayed.value_or(0),
                       .replayed_filtered = replayed_filtered.value_or(0)};
}

}  // namespace weir::pipeline
