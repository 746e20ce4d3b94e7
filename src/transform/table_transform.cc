#include "transform/table_transform.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <optional>

#include "batch/arrow_memory.h"
#include "batch/row_ids.h"
#include "transform/event_payload.h"
#include "transform/partition_values.h"

namespace weir::transform {
namespace {

RowId id_of(const Reject& reject) { return {reject.seq, reject.row}; }

int64_t reject_bytes(const Reject& reject) {
  const size_t bytes = sizeof(Reject) + reject.subject.size() + reject.code.size() + reject.pointer.size() +
                       reject.reason.size() + reject.payload.size() + reject.headers.size();
  return static_cast<int64_t>(bytes);
}

std::span<const Message> messages_in(std::span<const Message> messages, SeqRange range) {
  const auto first = std::ranges::lower_bound(messages, range.first, {}, &Message::seq);
  const auto last = std::ranges::upper_bound(messages, range.last, {}, &Message::seq);
  if (last <= first) return {};
  return {first, last};
}

}  // namespace

TableTransform::TableTransform(std::shared_ptr<const Plan> plan, TableTransformOptions options,
                               std::unique_ptr<Decoder> decoder)
    : plan_(std::move(plan)),
      options_(std::move(options)),
      plan_id_(plan_->id()),
      row_schema_(row_arrow_schema(*plan_)),
      decoder_(std::move(decoder)) {}

Result<std::unique_ptr<TableTransform>> TableTransform::create(std::shared_ptr<const Plan> plan,
                                                               TableTransformOptions options) {
  if (plan->sql.empty() != (options.sql == nullptr)) {
    return invalid_argument("table " + plan->table +
                            (plan->sql.empty() ? " has no SQL to run" : ": nothing runs its SQL"));
  }
  WEIR_ASSIGN_OR_RETURN(auto decoder, Decoder::create(plan, options.shard, options.new_columns_max));
  return std::unique_ptr<TableTransform>(new TableTransform(std::move(plan), std::move(options), std::move(decoder)));
}

Result<std::shared_ptr<const Slice>> TableTransform::apply(const MessageBatch& batch, SeqRange range) {
  auto in_range = messages_in(batch.messages(), range);
  auto messages = messages_of_table(in_range);
  const Seq last = range.last;
  WEIR_ASSIGN_OR_RETURN(DecodedBatch decoded, decode(messages, &range));
  in_range = messages_in(in_range, range);
  messages = messages_in(messages, range);

  auto slice = std::make_shared<Slice>();
  slice->shard = options_.shard;
  slice->range = range;
  slice->ends_plan = range.last < last;
  slice->plan_id = plan_id_;
  slice->events = decoded.events;
  slice->rejects = std::move(decoded.rejects);
  if (!in_range.empty()) {
    slice->first_time_us = in_range.front().time_us;
    slice->last_time_us = in_range.back().time_us;
    slice->last_event = in_range.back().seq;
  }
  if (options_.sql) {
    WEIR_RETURN_IF_ERROR(run_sql(messages, decoded.rows, slice.get()));
  } else {
    WEIR_ASSIGN_OR_RETURN(slice->rows, conform(decoded.rows, row_schema_));
  }
  WEIR_RETURN_IF_ERROR(reject_unplaceable(messages, slice.get()));
  std::ranges::sort(slice->rejects, {}, id_of);

  const auto rejects = static_cast<int64_t>(slice->rejects.size());
  if (slice->events != slice->rows->num_rows() + slice->filtered + rejects) {
    return internal_error("range " + to_string(range) + ": " + std::to_string(slice->events) + " events became " +
                          std::to_string(slice->rows->num_rows()) + " rows, " + std::to_string(slice->filtered) +
                          " filtered and " + std::to_string(rejects) + " rejects");
  }
  slice->bytes = batch_bytes(*slice->rows);
  for (const Reject& reject : slice->rejects) slice->bytes += reject_bytes(reject);
  return std::shared_ptr<const Slice>(std::move(slice));
}

// Up to the first message with a field that asks for a column; `range` then ends before it.
Result<DecodedBatch> TableTransform::decode(std::span<const Message> messages, SeqRange* range) {
  WEIR_ASSIGN_OR_RETURN(DecodedBatch decoded, decoder_->decode(messages));
  if (options_.ignored) std::ranges::for_each(decoded.ignored_fields, options_.ignored);
  if (decoded.new_fields.empty()) return decoded;
  new_columns_.clear();
  for (NewField& field : decoded.new_fields) new_columns_.push_back(std::move(field.column));
  range->last = decoded.new_fields.front().seq - 1;
  // Seldom enough to decode the part before it once more.
  return decoder_->decode(messages_in(messages, *range));
}

std::span<const Message> TableTransform::messages_of_table(std::span<const Message> in_range) {
  // Neighbours mostly share their subject, and comparing two costs less than matching one.
  std::optional<std::string_view> last_subject;
  bool last_taken = false;
  const auto taken = [&](const Message& message) {
    if (message.subject != last_subject) {
      last_subject = message.subject;
      last_taken = options_.takes_subject(message.subject);
    }
    return last_taken;
  };
  if (!options_.takes_subject || std::ranges::all_of(in_range, taken)) return in_range;
  chosen_.clear();
  std::ranges::copy_if(in_range, std::back_inserter(chosen_), taken);
  return chosen_;
}

Status TableTransform::run_sql(std::span<const Message> messages, const std::shared_ptr<arrow::RecordBatch>& input,
                               Slice* slice) const {
  WEIR_ASSIGN_OR_RETURN(SqlRows result, apply_sql(options_.sql, input, row_schema_));
  slice->rows = std::move(result.rows);
  slice->filtered = result.filtered;
  if (result.faults.empty()) return {};
  WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(*input));
  for (SqlFault& fault : result.faults) {
    const RowId id = ids[static_cast<size_t>(fault.index)];
    WEIR_ASSIGN_OR_RETURN(Reject reject, reject_of(messages, id, kSqlErrorCode, std::move(fault.reason)));
    slice->rejects.push_back(std::move(reject));
  }
  return {};
}

Status TableTransform::reject_unplaceable(std::span<const Message> messages, Slice* slice) const {
  WEIR_ASSIGN_OR_RETURN(std::vector<PartitionFault> faults, take_out_unplaceable(plan_->partition_by, &slice->rows));
  for (PartitionFault& fault : faults) {
    WEIR_ASSIGN_OR_RETURN(Reject reject, reject_of(messages, fault.id, kBadPartitionCode, std::move(fault.reason)));
    reject.pointer = std::move(fault.column);
    slice->rejects.push_back(std::move(reject));
  }
  return {};
}

Result<Reject> TableTransform::reject_of(std::span<const Message> messages, RowId id, std::string_view code,
                                         std::string reason) const {
  const auto message = std::ranges::lower_bound(messages, id.seq, {}, &Message::seq);
  if (message == messages.end() || message->seq != id.seq) {
    return internal_error("a row of sequence " + to_string(id.seq) + " came from no message");
  }
  Reject reject;
  reject.seq = id.seq;
  reject.row = id.row;
  reject.time_us = message->time_us;
  reject.subject = message->subject;
  reject.code = code;
  reject.reason = std::move(reason);
  reject.payload = event_payload(plan_->format, message->payload, id.row);
  reject.headers = message->headers;
  return reject;
}

}  // namespace weir::transform
