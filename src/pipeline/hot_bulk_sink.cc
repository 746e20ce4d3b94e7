#include "pipeline/hot_bulk_sink.h"

#include <arrow/record_batch.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "batch/row_ids.h"
#include "pipeline/hot_fence.h"
#include "pipeline/hot_position.h"

namespace weir::pipeline {
namespace {

std::string name_of(const RowId& id) { return to_string(id.seq) + "-" + std::to_string(id.row); }

// The server said no before it could have taken anything, and our fence still stands.
bool nothing_happened(const Status& status) {
  return status.code() == StatusCode::kUnavailable || status.code() == StatusCode::kResourceExhausted;
}

}  // namespace

HotBulkSink::HotBulkSink(HotTable& table, KeyValue& key_value, HotBulkOptions options, Quarantine quarantine)
    : table_(table),
      key_value_(key_value),
      options_(std::move(options)),
      writer_(bulk_writer(options_.shard)),
      inserter_(table, writer_, std::move(quarantine)) {}

HotBulkSink::Grant HotBulkSink::grant() const {
  const std::lock_guard lock(mutex_);
  return grant_;
}

std::string HotBulkSink::table_id() const { return grant().table_id; }

void HotBulkSink::expire() {
  const std::lock_guard lock(mutex_);
  grant_.valid = false;
}

// A failure of an older grant is news no more: the fence was raised since, so what it left has ended.
void HotBulkSink::revoke(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  if (grant_.generation == generation) grant_.valid = false;
}

Result<Seq> HotBulkSink::resolve() {
  const std::lock_guard resolving(resolving_);
  Grant next = grant();
  if (next.valid) return next.upper;
  WEIR_ASSIGN_OR_RETURN(next.fence, raise_fence());
  // Only now: a position read earlier could be one that the live path has taken back meanwhile (HotSink::resolve()).
  WEIR_ASSIGN_OR_RETURN(next.upper, read_upper());
  WEIR_ASSIGN_OR_RETURN(next.table_id, table_.table_id());
  next.valid = true;
  ++next.generation;
  const std::lock_guard lock(mutex_);
  grant_ = next;
  return next.upper;
}

// Above what we ever asked for, too: a ClickHouse that lost its fence must not get a number that a late INSERT of ours
// still carries.
Result<Epoch> HotBulkSink::raise_fence() {
  WEIR_ASSIGN_OR_RETURN(const Epoch fence, raise_fence_above(table_, writer_, options_.epoch, raised_));
  raised_ = fence;
  return fence;
}

Result<Seq> HotBulkSink::read_upper() {
  if (options_.shard < 0) {
    if (options_.upper_without_live) return *options_.upper_without_live;
    return internal_error("bulk into shard " + std::to_string(options_.shard) + " without a bound");
  }
  const std::string key = hot_position_key(options_.table, options_.shard);
  const std::string no_position = "ClickHouse has no position of table " + options_.table +
                                  " yet; start `weir run` and wait until it is attached or catching up";
  const auto entry = key_value_.get(key);
  if (entry.status().code() == StatusCode::kNotFound) return unavailable(no_position);
  if (!entry.ok()) return entry.status();
  WEIR_ASSIGN_OR_RETURN(const HotPosition position, hot_position_from_json(entry->value));
  if (position.epoch > options_.epoch) {
    return fenced(key + " is held by epoch " + std::to_string(position.epoch.value) + ", ours is " +
                  std::to_string(options_.epoch.value));
  }
  if (position.provisional) return unavailable(no_position);
  // KV may have lost its tail, or got a late write of an earlier resolve of the live path: such a position may be one
  // that the live path has gone back behind. It is good only if the resolve that wrote it is the last one.
  WEIR_ASSIGN_OR_RETURN(const Epoch live, table_.fence(live_writer(options_.shard)));
  if (live != position.fence) {
    return unavailable("the position of " + key + " was written under fence " + std::to_string(position.fence.value) +
                       ", ClickHouse is at " + std::to_string(live.value) + "; the live path has to look again");
  }
  return position.hot_position;
}

Status HotBulkSink::write(const std::shared_ptr<arrow::RecordBatch>& rows) {
  if (rows->num_rows() == 0) return ok_status();
  const Grant under = grant();
  if (!under.valid) return conflict("what is in ClickHouse is not certain: resolve() first");
  WEIR_ASSIGN_OR_RETURN(std::vector<RowId> wanted, row_ids(*rows));
  std::sort(wanted.begin(), wanted.end());
  const SeqRange range{wanted.front().seq, wanted.back().seq};
  if (range.last > under.upper) {
    return internal_error("bulk write of " + to_string(range) + " above " + to_string(under.upper));
  }
  if (const auto twice = std::adjacent_find(wanted.begin(), wanted.end()); twice != wanted.end()) {
    return data_loss("row " + name_of(*twice) + " of shard " + std::to_string(options_.shard) +
                     " is twice among the rows to write");
  }
  Status status = insert_missing(rows, wanted, under.fence);
  if (!status.ok() && !nothing_happened(status)) revoke(under.generation);
  return status;
}

Status HotBulkSink::insert_missing(const std::shared_ptr<arrow::RecordBatch>& rows, std::span<const RowId> wanted,
                                   Epoch fence) {
  std::vector<RowId> present;
  WEIR_RETURN_IF_ERROR(look(wanted, &present));
  WEIR_ASSIGN_OR_RETURN(const auto missing, rows_without(rows, present));
  const std::string token = options_.table + "/" + std::to_string(options_.shard) + "-bulk/" +
                            to_string(SeqRange{wanted.front().seq, wanted.back().seq}) + "/" +
                            std::to_string(++writes_) + "/" + std::to_string(fence.value);
  WEIR_RETURN_IF_ERROR(inserter_.insert(missing, fence, token));
  rows_inserted_ += missing->num_rows();
  return ok_status();
}

// Appends those of `wanted` (sorted, not empty) that are there.
Status HotBulkSink::look(std::span<const RowId> wanted, std::vector<RowId>* present) {
  const SeqRange range{wanted.front().seq, wanted.back().seq};
  WEIR_ASSIGN_OR_RETURN(const int64_t count, table_.count_rows(options_.shard, range));
  if (count == 0) return ok_status();
  const bool divisible = range.first != range.last;
  if (divisible && count > options_.look_ids_max + 4 * static_cast<int64_t>(wanted.size())) {
    return look_in_halves(wanted, present);
  }
  const auto ids = table_.read_ids(options_.shard, range);
  if (divisible && ids.status().code() == StatusCode::kResourceExhausted) return look_in_halves(wanted, present);
  if (!ids.ok()) return ids.status();
  if (const auto twice = std::adjacent_find(ids->begin(), ids->end()); twice != ids->end()) {
    return data_loss("ClickHouse holds row " + name_of(*twice) + " of shard " + std::to_string(options_.shard) +
                     " twice");
  }
  std::set_intersection(ids->begin(), ids->end(), wanted.begin(), wanted.end(), std::back_inserter(*present));
  return ok_status();
}

// Cut between messages, as close to the middle as that allows.
Status HotBulkSink::look_in_halves(std::span<const RowId> wanted, std::vector<RowId>* present) {
  const Seq middle = wanted[wanted.size() / 2].seq;
  const auto by_seq = [](const RowId& id, Seq seq) { return id.seq < seq; };
  auto cut = std::lower_bound(wanted.begin(), wanted.end(), middle, by_seq);
  if (cut == wanted.begin()) cut = std::lower_bound(wanted.begin(), wanted.end(), middle + 1, by_seq);
  const auto first_part = static_cast<size_t>(cut - wanted.begin());
  WEIR_RETURN_IF_ERROR(look(wanted.first(first_part), present));
  return look(wanted.subspan(first_part), present);
}

}  // namespace weir::pipeline
