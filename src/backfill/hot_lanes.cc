#include "backfill/hot_lanes.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <condition_variable>
#include <mutex>
#include <utility>

#include "batch/arrow_memory.h"
#include "pipeline/hot_position.h"
#include "schema/table_schema.h"

namespace weir::backfill {
namespace {

constexpr RetryPolicy kRetry{.first = std::chrono::milliseconds(50), .max = std::chrono::milliseconds(5'000)};

bool worth_repeating(StatusCode code) {
  switch (code) {
    case StatusCode::kUnavailable:
    case StatusCode::kOutcomeUnknown:
    case StatusCode::kConflict:
    case StatusCode::kResourceExhausted:
    case StatusCode::kNotFound: return true;
    default: return false;
  }
}

Result<std::shared_ptr<arrow::RecordBatch>> joined(const arrow::RecordBatchVector& parts) {
  if (parts.size() == 1) return parts.front();
  auto whole = arrow::ConcatenateRecordBatches(parts);
  if (!whole.ok()) return from_arrow(whole.status());
  return *whole;
}

// Rows by shard; files hold few runs of them, so parts are slices.
Result<std::map<int32_t, std::shared_ptr<arrow::RecordBatch>>> by_shard(
    const std::shared_ptr<arrow::RecordBatch>& rows) {
  const auto column = rows->GetColumnByName(std::string(kShardColumn));
  if (column == nullptr || column->type_id() != arrow::Type::INT32) {
    return internal_error("rows without _shard INT: " + rows->schema()->ToString());
  }
  const auto& shards = static_cast<const arrow::Int32Array&>(*column);
  std::map<int32_t, arrow::RecordBatchVector> runs;
  int64_t start = 0;
  for (int64_t i = 1; i <= rows->num_rows(); ++i) {
    if (i < rows->num_rows() && shards.Value(i) == shards.Value(start)) continue;
    runs[shards.Value(start)].push_back(rows->Slice(start, i - start));
    start = i;
  }
  std::map<int32_t, std::shared_ptr<arrow::RecordBatch>> parts;
  for (const auto& [shard, of_shard] : runs) {
    WEIR_ASSIGN_OR_RETURN(parts[shard], joined(of_shard));
  }
  return parts;
}

// Normally the batch itself: a position goes back only when NATS KV lost its tail.
Result<std::shared_ptr<arrow::RecordBatch>> at_or_below(const std::shared_ptr<arrow::RecordBatch>& rows, Seq upper) {
  const auto column = rows->GetColumnByName(std::string(kSeqColumn));
  if (column == nullptr || column->type_id() != arrow::Type::INT64) {
    return internal_error("rows without _seq BIGINT: " + rows->schema()->ToString());
  }
  const auto& seqs = static_cast<const arrow::Int64Array&>(*column);
  arrow::RecordBatchVector kept;
  int64_t start = 0;
  for (int64_t i = 0; i <= rows->num_rows(); ++i) {
    if (i < rows->num_rows() && seqs.Value(i) <= upper.value) continue;
    if (i > start) kept.push_back(rows->Slice(start, i - start));
    start = i + 1;
  }
  if (kept.empty()) return rows->Slice(0, 0);
  return joined(kept);
}

}  // namespace

bool wait_to_retry(const RetryPolicy& policy, int attempt, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any never;
  std::unique_lock lock(mutex);
  never.wait_for(lock, stop, policy.delay(attempt, 0.0), [] { return false; });
  return !stop.stop_requested();
}

HotLanes::HotLanes(HotTarget target, std::string table, Epoch epoch, Trouble trouble)
    : target_(std::move(target)), table_(std::move(table)), epoch_(epoch), trouble_(std::move(trouble)) {}

// Sinks keep the bound they found first, so a new beginning needs new ones.
void HotLanes::begin(const JobPin& pin) {
  std::lock_guard lock(mutex_);
  pin_ = pin;
  lanes_.clear();
}

std::shared_ptr<pipeline::HotBulkSink> HotLanes::lane(int32_t shard) {
  std::lock_guard lock(mutex_);
  auto& lane = lanes_[shard];
  if (lane == nullptr) {
    pipeline::HotBulkOptions options;
    options.table = table_;
    options.shard = shard;
    options.epoch = epoch_;
    if (shard < 0) {
      const auto upper = pin_.upper.find(shard);
      options.upper_without_live = upper == pin_.upper.end() ? Seq{0} : upper->second;
    }
    lane = std::make_shared<pipeline::HotBulkSink>(
        target_.table, target_.key_value, std::move(options),
        [this, shard](RowId row, const std::string& reason) { return target_.quarantine(shard, row, reason); });
  }
  return lane;
}

Result<HotLanes::Standing> HotLanes::standing() {
  {
    std::lock_guard lock(mutex_);
    lanes_.clear();
  }
  const auto live = lane(0);
  WEIR_ASSIGN_OR_RETURN(const Seq position, live->resolve());
  WEIR_ASSIGN_OR_RETURN(const KeyValueEntry entry, target_.key_value.get(pipeline::hot_position_key(table_, 0)));
  WEIR_ASSIGN_OR_RETURN(const auto live_now, pipeline::hot_position_from_json(entry.value));
  return Standing{.live_position = position, .hot_start = live_now.hot_start, .table_id = live->table_id()};
}

Result<HotLanes::Outcome> HotLanes::write(const std::shared_ptr<arrow::RecordBatch>& rows,
                                          const std::stop_token& stop) {
  WEIR_ASSIGN_OR_RETURN(const auto parts, by_shard(rows));
  for (const auto& [shard, of_shard] : parts) {
    WEIR_ASSIGN_OR_RETURN(const Outcome outcome, write_shard(shard, of_shard, stop));
    if (outcome == Outcome::kStartOver) return outcome;
  }
  return Outcome::kPresent;
}

Result<HotLanes::Outcome> HotLanes::write_shard(int32_t shard, const std::shared_ptr<arrow::RecordBatch>& rows,
                                                const std::stop_token& stop) {
  const auto sink = lane(shard);
  for (int attempt = 0;; ++attempt) {
    if (stop.stop_requested()) return shutting_down("writing to ClickHouse");
    auto outcome = write_once(*sink, rows, stop);
    if (outcome.ok()) {
      if (attempt > 0) trouble_(ok_status());
      return outcome;
    }
    if (!worth_repeating(outcome.status().code())) return outcome;
    trouble_(outcome.status());
    if (!wait_to_retry(kRetry, attempt, stop)) return shutting_down("writing to ClickHouse");
  }
}

Result<HotLanes::Outcome> HotLanes::write_once(pipeline::HotBulkSink& sink,
                                               const std::shared_ptr<arrow::RecordBatch>& rows,
                                               const std::stop_token& stop) {
  const auto upper = sink.resolve();
  if (!upper.ok()) {
    // A table that is gone is made again by the live path, and a position that KV lost is found again by it.
    const StatusCode code = upper.status().code();
    if (code == StatusCode::kNotFound || code == StatusCode::kUnavailable) (void)target_.live.look_again(stop);
    return upper.status();
  }
  if (sink.table_id() != pin_.clickhouse_uuid) return Outcome::kStartOver;
  WEIR_ASSIGN_OR_RETURN(const auto ours, at_or_below(rows, *upper));
  if (ours->num_rows() == 0) return Outcome::kPresent;
  const Status written = sink.write(ours);
  if (written.code() == StatusCode::kNotFound) (void)target_.live.look_again(stop);
  WEIR_RETURN_IF_ERROR(written);
  return Outcome::kPresent;
}

}  // namespace weir::backfill
