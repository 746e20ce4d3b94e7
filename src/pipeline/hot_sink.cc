#include "pipeline/hot_sink.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "base/crash_point.h"
#include "base/digest.h"
#include "batch/arrow_memory.h"
#include "batch/row_ids.h"

namespace weir::pipeline {
namespace {

constexpr int64_t kResolvesPerEpoch = 1'000'000;

}  // namespace

Epoch fence_of(Epoch epoch, int64_t resolve) { return Epoch{epoch.value * kResolvesPerEpoch + resolve}; }
Epoch epoch_of_fence(Epoch fence) { return Epoch{fence.value / kResolvesPerEpoch}; }

HotSink::HotSink(HotTable& table, KeyValue& key_value, HotSinkOptions options, Quarantine quarantine)
    : table_(table),
      key_value_(key_value),
      options_(std::move(options)),
      quarantine_(std::move(quarantine)),
      key_(hot_position_key(options_.table, options_.shard)),
      fence_(fence_of(options_.epoch, 0)) {}

Result<Seq> HotSink::resolve() {
  resolved_ = false;
  const Result<bool> created = table_.ensure();
  if (!created.ok()) {
    keep_start();
    return created.status();
  }
  fence_ = Epoch{fence_.value + 1};  // Only where a server is there to hear it: outages do not use numbers up.
  WEIR_RETURN_IF_ERROR(table_.raise_fence(options_.shard, fence_));
  WEIR_ASSIGN_OR_RETURN(const SeqRange present, table_.seq_bounds(options_.shard));
  WEIR_RETURN_IF_ERROR(load_position(*created, present));
  // KV may have lost its last writes with its server, so rows can stand above what it says: they are not taken for a
  // position, only looked at before anything is written where they are.
  uncertain_through_ = present.empty() ? Seq{0} : present.last;
  if (stored_.in_flight) {
    WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, table_.read_ids(options_.shard, stored_.in_flight->range));
    if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
      return data_loss("ClickHouse holds a row of " + to_string(stored_.in_flight->range) + " twice");
    }
    if (static_cast<int64_t>(ids.size()) == stored_.in_flight->rows) stored_.hot_position = stored_.in_flight->range.last;
    stored_.in_flight.reset();
  }
  // A new start or epoch is kept before anything rests on it: the table's creation is seen only once.
  WEIR_RETURN_IF_ERROR(settle());
  resolved_ = true;
  return stored_.hot_position;
}

// A ClickHouse that is down from the very first start on is owed all that the lake takes meanwhile, also after a restart.
// Only tried: while it is down, the next resolve() tries again.
void HotSink::keep_start() {
  const Seq start = options_.lake_position;
  const HotPosition kept{.epoch = options_.epoch,
                         .hot_start = start,
                         .hot_position = start,
                         .in_flight = std::nullopt,
                         .provisional = true};
  if (key_value_.get(key_).status().code() != StatusCode::kNotFound) return;
  (void)key_value_.put(key_, to_json(kept), 0);
}

Status HotSink::load_position(bool table_is_new, SeqRange present) {
  auto entry = key_value_.get(key_);
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(stored_, hot_position_from_json(entry->value));
    announced_ = stored_;
    revision_ = entry->revision;
    if (stored_.epoch > options_.epoch) {
      return fenced(key_ + " is held by epoch " + std::to_string(stored_.epoch.value) + ", ours is " +
                    std::to_string(options_.epoch.value));
    }
    if (stored_.provisional) {
      if (!present.empty()) stored_.hot_start = std::min(stored_.hot_start, present.first - 1);
      stored_.hot_position = stored_.hot_start;
      stored_.provisional = false;
    }
  } else if (entry.status().code() == StatusCode::kNotFound) {
    // Nothing known: ClickHouse begins where the lake is now. Rows without an entry mean that KV was lost: then everything
    // from the first row on is counted again against the lake, because rows went in in order.
    revision_ = 0;
    announced_ = HotPosition{};
    const Seq start = present.empty() ? options_.lake_position : std::min(options_.lake_position, present.first - 1);
    stored_ = HotPosition{.epoch = options_.epoch, .hot_start = start, .hot_position = start, .in_flight = std::nullopt};
  } else {
    return entry.status();
  }
  if (table_is_new && stored_.hot_position > stored_.hot_start) {
    // Somebody dropped the table. What it held comes back by a backfill, not by the live path.
    const Seq start = std::max(stored_.hot_start, options_.lake_position);
    stored_ = HotPosition{.epoch = options_.epoch, .hot_start = start, .hot_position = start, .in_flight = std::nullopt};
  }
  stored_.epoch = options_.epoch;
  return ok_status();
}

// Compare-and-set of what is true now. The answer may be lost; then our own value, found there, is as good as an answer.
Status HotSink::announce() {
  const std::string value = to_json(stored_);
  auto put = key_value_.put(key_, value, revision_);
  if (!put.ok()) {
    if (put.status().disposition() != Disposition::kReconcile) return put.status();
    WEIR_ASSIGN_OR_RETURN(const KeyValueEntry entry, key_value_.get(key_));
    if (entry.value != value) {
      WEIR_ASSIGN_OR_RETURN(const HotPosition found, hot_position_from_json(entry.value));
      if (found.epoch > options_.epoch) {
        return fenced(key_ + " was taken over by epoch " + std::to_string(found.epoch.value));
      }
      return outcome_unknown(key_ + " changed under us");
    }
    revision_ = entry.revision;
  } else {
    revision_ = *put;
  }
  announced_ = stored_;
  return ok_status();
}

Status HotSink::settle() { return settled() ? ok_status() : announce(); }

Status HotSink::write(const std::vector<std::shared_ptr<const Slice>>& slices) {
  if (slices.empty()) return ok_status();
  const SeqRange range{slices.front()->range.first, slices.back()->range.last};
  if (!resolved_ || range.first != position() + 1) {
    return internal_error("ClickHouse write of " + to_string(range) + " at position " + to_string(position()));
  }
  arrow::RecordBatchVector batches;
  for (const auto& slice : slices) {
    if (slice->rows->num_rows() > 0) batches.push_back(slice->rows);
  }
  if (!batches.empty()) {
    std::shared_ptr<arrow::RecordBatch> rows = batches.front();
    if (batches.size() > 1) {
      auto joined = arrow::ConcatenateRecordBatches(batches);
      if (!joined.ok()) return from_arrow(joined.status());
      rows = *joined;
    }
    stored_.in_flight = InFlight{.range = range, .rows = rows->num_rows(), .digest = row_ids_digest(*rows)};
    const std::string digest = stored_.in_flight->digest;
    resolved_ = false;  // Until everything below went well, only resolve() knows what is in.
    WEIR_RETURN_IF_ERROR(announce());
    crash_point("kv_set");
    if (range.first <= uncertain_through_) {
      WEIR_ASSIGN_OR_RETURN(rows, only_missing(rows, range));
    }
    WEIR_RETURN_IF_ERROR(insert_all(rows, range, digest));
    resolved_ = true;
  }
  stored_.hot_position = range.last;
  stored_.in_flight.reset();
  return ok_status();
}

Result<std::shared_ptr<arrow::RecordBatch>> HotSink::only_missing(const std::shared_ptr<arrow::RecordBatch>& rows,
                                                                  SeqRange range) {
  WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> present, table_.read_ids(options_.shard, range));
  if (std::adjacent_find(present.begin(), present.end()) != present.end()) {
    return data_loss("ClickHouse holds a row of " + to_string(range) + " twice");
  }
  if (present.empty()) return rows;
  return rows_without(rows, present);
}

Status HotSink::insert_all(const std::shared_ptr<arrow::RecordBatch>& rows, SeqRange range, const std::string& digest) {
  if (rows->num_rows() == 0) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto parts, table_.split_by_partition(rows));
  const std::string token_prefix = options_.table + "/" + std::to_string(options_.shard) + "/" +
                                   to_string(range.first) + "-" + to_string(range.last) + "/";
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string token =
        token_prefix + std::to_string(i) + "/" + digest + "/" + std::to_string(fence_.value);
    WEIR_RETURN_IF_ERROR(insert_part(parts[i], token));
  }
  return ok_status();
}

Status HotSink::insert_part(const std::shared_ptr<arrow::RecordBatch>& part, const std::string& token) {
  Status status = table_.insert({.rows = part, .token = token, .shard = options_.shard, .epoch = fence_});
  if (status.code() == StatusCode::kFenced) {
    // A ClickHouse that came back from a crash may have lost its fence (the Join table is not synced) and then refuses
    // everybody. Only a higher number there means that we were replaced.
    WEIR_ASSIGN_OR_RETURN(const Epoch there, table_.fence(options_.shard));
    return there > fence_ ? status : unavailable("ClickHouse lost our fence; it is raised again");
  }
  if (status.code() == StatusCode::kRejected) return quarantine_refused(part, token, status);
  return status;
}

// Halves a refused part until the rows at fault stand alone; those are put aside, all others go in.
Status HotSink::quarantine_refused(const std::shared_ptr<arrow::RecordBatch>& part, const std::string& token,
                                   const Status& refusal) {
  if (part->num_rows() == 1) {
    WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, row_ids(*part));
    return quarantine_(ids.front(), refusal.message());
  }
  const int64_t half = part->num_rows() / 2;
  WEIR_RETURN_IF_ERROR(insert_part(part->Slice(0, half), token + "a"));
  return insert_part(part->Slice(half), token + "b");
}

}  // namespace weir::pipeline
