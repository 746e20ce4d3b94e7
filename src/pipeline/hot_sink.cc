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

HotSink::HotSink(HotTable& table, KeyValue& key_value, HotSinkOptions options, Quarantine quarantine)
    : table_(table),
      key_value_(key_value),
      options_(std::move(options)),
      lake_position_(options_.lake_position),
      inserter_(table, live_writer(options_.shard), std::move(quarantine)),
      key_(hot_position_key(options_.table, options_.shard)),
      fence_(fence_of(options_.epoch, 0)) {
  stored_.hot_start = options_.lake_position;
}

// Provisional, since only a ClickHouse that answers tells what it holds already.
Status HotSink::keep_start() {
  const auto entry = key_value_.get(key_);
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(const HotPosition found, hot_position_from_json(entry->value));
    stored_.hot_start = std::min(stored_.hot_start, found.hot_start);
    return ok_status();
  }
  if (entry.status().code() != StatusCode::kNotFound) return entry.status();
  const HotPosition kept{.epoch = options_.epoch,
                         .hot_start = stored_.hot_start,
                         .hot_position = stored_.hot_start,
                         .in_flight = std::nullopt,
                         .provisional = true};
  const Status put = key_value_.put(key_, to_json(kept), 0).status();
  // Whoever wrote it first: there is an entry.
  return put.disposition() == Disposition::kReconcile && key_value_.get(key_).ok() ? ok_status() : put;
}

Result<Seq> HotSink::resolve() {
  resolved_ = false;
  const Result<bool> created = table_.ensure();
  if (!created.ok()) {
    (void)keep_start();  // KV may have lost it meanwhile. Only tried: so does the next resolve().
    return created.status();
  }
  WEIR_ASSIGN_OR_RETURN(table_id_, table_.table_id());
  fence_ = Epoch{fence_.value + 1};  // Only where a server is there to hear it: outages do not use numbers up.
  WEIR_RETURN_IF_ERROR(table_.raise_fence(live_writer(options_.shard), fence_));
  // The order of the next three is what keeps bulk from writing our rows: see the class.
  const Result<KeyValueEntry> entry = key_value_.get(key_);
  WEIR_RETURN_IF_ERROR(fence_out_bulk());
  WEIR_ASSIGN_OR_RETURN(const SeqRange present, table_.seq_bounds(options_.shard));
  WEIR_RETURN_IF_ERROR(load_position(entry, *created, present));
  // KV may have lost its last writes with its server, so rows can stand above what it says: they are not taken for a
  // position, only looked at before anything is written where they are.
  uncertain_through_ = present.empty() ? Seq{0} : present.last;
  WEIR_RETURN_IF_ERROR(take_in_flight());
  // First of all: a view made for readers of an older start would lack what lies between the two.
  WEIR_RETURN_IF_ERROR(table_.withdraw_views(stored_.hot_start));
  // A new start or epoch is kept before anything rests on it, and the fence's number, by which bulk knows a position.
  WEIR_RETURN_IF_ERROR(settle());
  offer_view();
  resolved_ = true;
  return stored_.hot_position;
}

void HotSink::offer_view() {
  const Status offered = table_.offer_view(stored_.hot_start);
  const std::lock_guard lock(view_mutex_);
  view_ = {.hot_start = stored_.hot_start, .offered = offered};
}

HotView HotSink::view() const {
  const std::lock_guard lock(view_mutex_);
  return view_;
}

// A bulk writer that read its bound before must read it again. Where none ever was, there is nothing to keep out: the
// first one reads after this.
Status HotSink::fence_out_bulk() {
  const HotWriter bulk = bulk_writer(options_.shard);
  WEIR_ASSIGN_OR_RETURN(const Epoch there, table_.fence(bulk));
  return there == Epoch{0} ? ok_status() : raise_fence_above(table_, bulk, options_.epoch, there).status();
}

Status HotSink::take_in_flight() {
  if (!stored_.in_flight) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, table_.read_ids(options_.shard, stored_.in_flight->range));
  if (std::adjacent_find(ids.begin(), ids.end()) != ids.end()) {
    return data_loss("ClickHouse holds a row of " + to_string(stored_.in_flight->range) + " twice");
  }
  if (static_cast<int64_t>(ids.size()) == stored_.in_flight->rows) stored_.hot_position = stored_.in_flight->range.last;
  stored_.in_flight.reset();
  return ok_status();
}

Status HotSink::load_position(const Result<KeyValueEntry>& entry, bool table_is_new, SeqRange present) {
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(stored_, hot_position_from_json(entry->value));
    announced_ = stored_;
    revision_ = entry->revision;
    if (stored_.epoch > options_.epoch) {
      return fenced(key_ + " is held by epoch " + std::to_string(stored_.epoch.value) + ", ours is " +
                    std::to_string(options_.epoch.value));
    }
    if (stored_.provisional) {
      stored_.hot_start = std::min(stored_.hot_start, options_.lake_position);  // A lake that was made again is behind it.
      if (!present.empty()) stored_.hot_start = std::min(stored_.hot_start, present.first - 1);
      stored_.hot_position = stored_.hot_start;
      stored_.provisional = false;
    }
  } else if (entry.status().code() == StatusCode::kNotFound) {
    // KV was lost: everything from the first row on is counted again against the lake, whoever put it there.
    revision_ = 0;
    announced_ = HotPosition{};
    const Seq start = present.empty() ? stored_.hot_start : std::min(stored_.hot_start, present.first - 1);
    stored_ = HotPosition{};
    stored_.hot_start = stored_.hot_position = start;
  } else {
    return entry.status();
  }
  // Whether we made the table is known only once, so the entry names the table that it is about.
  const bool other_table = table_is_new || (!stored_.table_id.empty() && stored_.table_id != table_id_);
  if (stored_.hot_position > stored_.hot_start && (other_table || present.empty())) {
    // Somebody dropped or emptied the table. What it held comes back by a backfill, not by the live path. Of a table that
    // may have been empty all along, nothing that is still owed is given up.
    const Seq lost = other_table ? lake_position_ : std::min(lake_position_, stored_.hot_position);
    stored_.hot_start = stored_.hot_position = std::max(stored_.hot_start, lost);
    stored_.in_flight.reset();
  }
  stored_.epoch = options_.epoch;
  stored_.fence = fence_;
  stored_.table_id = table_id_;
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

Status HotSink::skip_to(Seq lake_position) {
  if (!resolved_ || lake_position < position()) {
    return internal_error("ClickHouse skip to " + to_string(lake_position) + " at position " + to_string(position()));
  }
  resolved_ = false;
  WEIR_RETURN_IF_ERROR(table_.withdraw_views(lake_position));
  stored_.hot_start = stored_.hot_position = lake_position;
  WEIR_RETURN_IF_ERROR(settle());
  offer_view();
  resolved_ = true;
  return ok_status();
}

Status HotSink::look() {
  WEIR_ASSIGN_OR_RETURN(const std::string there, table_.table_id());
  return there == table_id_ ? ok_status() : outcome_unknown("somebody made the table in ClickHouse anew");
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
    crash_point("range_announced");
    if (range.first <= uncertain_through_) {
      WEIR_ASSIGN_OR_RETURN(rows, only_missing(rows, range));
    }
    WEIR_RETURN_IF_ERROR(inserter_.insert(rows, fence_,
                                          options_.table + "/" + std::to_string(options_.shard) + "/" +
                                              to_string(range.first) + "-" + to_string(range.last) + "/" + digest +
                                              "/" + std::to_string(fence_.value)));
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

}  // namespace weir::pipeline
