#include "app/gap.h"

#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>

#include "app/start_position.h"
#include "lake/gap_store.h"
#include "lake/incarnation_store.h"
#include "nats/stream_source.h"
#include "pipeline/hot_position.h"
#include "pipeline/hot_sink.h"
#include "pipeline/lake_sink.h"

namespace weir::app {
namespace {

Result<std::unique_ptr<nats::StreamSource>> open_source(const GapAcceptor& acceptor) {
  return nats::StreamSource::create(*acceptor.services.nats, acceptor.telemetry.clock,
                                    {.stream = acceptor.stream.name, .subjects = {}, .base = acceptor.base});
}

}  // namespace

Status GapAcceptor::finish_or_accept(bool accept) {
  const lake::IncarnationStore incarnations(lake_objects(*services.engine, config));
  WEIR_ASSIGN_OR_RETURN(const auto current, incarnations.current(stream.name));
  if (current && current->base > position.value) {
    base = current->base;
    WEIR_ASSIGN_OR_RETURN(const int64_t first, first_of_new_life());
    return move_to(Seq{base + first - 1}, "finishing an accepted gap", current->number);
  }
  WEIR_ASSIGN_OR_RETURN(const auto source, open_source(*this));
  Status missing = source->seek(position + 1, identity);
  if (missing.ok()) {
    if (const auto seen = seen_by_clickhouse()) missing = source->seek(position + 1, seen);
  }
  if (missing.code() != StatusCode::kDataLoss) return ok_status();
  if (!accept) return missing.with_context("table " + table);

  const Seq before_first{stream.first_seq + base - 1};
  if (before_first > position && source->seek(before_first + 1, identity).ok()) {
    return move_to(before_first, missing.message(), current ? current->number : 0);
  }
  WEIR_ASSIGN_OR_RETURN(const Seq highest, highest_used());
  const lake::Incarnation next{.number = current ? current->number + 1 : 1,
                               .base = highest.value,
                               .created_us = stream.created_us,
                               .accepted_at_position = position};
  WEIR_RETURN_IF_ERROR(incarnations.advance(stream.name, next));
  base = next.base;
  WEIR_ASSIGN_OR_RETURN(const int64_t first, first_of_new_life());
  return move_to(Seq{base + first - 1}, missing.message(), next.number);
}

// ClickHouse may have rows that the lake does not have yet. A stream that went back behind those would give their numbers
// to other events. A ClickHouse that does not answer is not asked: nothing is lost then that is in the lake.
std::optional<StreamIdentity> GapAcceptor::seen_by_clickhouse() const {
  if (hot_table == nullptr || !identity) return std::nullopt;
  const auto present = hot_table->seq_bounds(0);
  if (!present.ok() || present->empty() || present->last <= position) return std::nullopt;
  const auto time_us = hot_table->time_us_at(0, present->last);
  if (!time_us.ok()) return std::nullopt;
  return StreamIdentity{
      .created_us = identity->created_us, .last_seq = present->last.value - base, .last_time_us = *time_us};
}

// A re-created stream is new from its first event on. A rolled-back one still holds events that are in the lake; those
// stored later than the newest of them are new, whatever their numbers.
Result<int64_t> GapAcceptor::first_of_new_life() const {
  if (!identity || identity->created_us != stream.created_us) return stream.first_seq;
  if (identity->last_time_us == 0) {
    return data_loss("stream " + stream.name + " went back to " + std::to_string(stream.last_seq) +
                     " and the lake knows no stored time to tell old events from new ones: re-create the stream");
  }
  return first_stream_sequence(*services.nats, stream,
                               {.kind = StartPosition::Kind::kTime, .sequence = 0, .time_us = identity->last_time_us + 1});
}

// Nothing a store has ever seen may come again as another event's number.
Result<Seq> GapAcceptor::highest_used() const {
  Seq highest = position;
  const auto entry = services.key_value->get(pipeline::hot_position_key(table, 0));
  if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status();
  if (entry.ok()) {
    WEIR_ASSIGN_OR_RETURN(const auto hot, pipeline::hot_position_from_json(entry->value));
    highest = std::max(highest, hot.in_flight ? hot.in_flight->range.last : hot.hot_position);
  }
  if (hot_table != nullptr) {
    WEIR_ASSIGN_OR_RETURN(const SeqRange present, hot_table->seq_bounds(0));
    if (!present.empty()) highest = std::max(highest, present.last);
  }
  // Other tables of the stream, and dead letters written ahead, use the same numbers; a margin is cheaper than a proof.
  if (identity) highest = std::max(highest, Seq{identity->last_seq + base});
  return highest + 1'000'000;
}

Status GapAcceptor::erase_hot_tail(Seq last) const {
  if (hot_table == nullptr) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const bool created, hot_table->ensure());
  if (created) return ok_status();
  WEIR_RETURN_IF_ERROR(hot_table->raise_fence(0, pipeline::fence_of(epoch, 0)));
  return hot_table->erase(0, {position + 1, last});
}

Status GapAcceptor::move_to(Seq last, const std::string& reason, int64_t incarnation) {
  const SeqRange range{position + 1, last};
  telemetry.log.warn("going on behind a gap", {{"table", table},
                                               {"first_seq", range.first.value},
                                               {"last_seq", range.last.value},
                                               {"reason", reason}});
  const int64_t now = telemetry.clock.unix_us();
  const lake::GapStore gaps(lake_objects(*services.engine, config));
  WEIR_RETURN_IF_ERROR(gaps.record({.name = table,
                                    .shard = 0,
                                    .range = range,
                                    .reason = reason,
                                    .detected_us = now,
                                    .accepted_us = now,
                                    .incarnation = incarnation}));
  WEIR_RETURN_IF_ERROR(
      erase_hot_tail(last).with_context("ClickHouse must be up to give up a gap, because it may hold rows of it"));
  pipeline::LakeSink sink(lake_table, {.table = table,
                                       .shard = 0,
                                       .epoch = epoch,
                                       .stream_base = base,
                                       .stream_created_us = stream.created_us});
  WEIR_RETURN_IF_ERROR(sink.resolve().status());
  auto slice = std::make_shared<Slice>();
  slice->range = range;
  slice->plan_id = "gap";
  slice->last_event = Seq{base + stream.first_seq - 1};
  slice->rows = arrow::RecordBatch::Make(arrow::schema({}), 0, arrow::ArrayVector{});
  return sink.write({slice});
}

}  // namespace weir::app
