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

Status GapAcceptor::finish_or_accept(bool accept) {
  const lake::IncarnationStore incarnations(lake_objects(*services.engine, config));
  WEIR_ASSIGN_OR_RETURN(const auto current, incarnations.current(stream.name));
  const int64_t incarnation = current ? current->number : 0;
  WEIR_RETURN_IF_ERROR(finish_moves("finishing an accepted gap", incarnation));

  bool other_life = false;
  std::string reason;
  std::vector<GapTable*> trimmed;
  for (GapTable& table : tables) {
    WEIR_ASSIGN_OR_RETURN(const Missing missing, missing_of(table));
    if (missing.why.ok()) continue;
    if (!accept) return missing.why.with_context("table " + table.name);
    if (reason.empty()) reason = missing.why.message();
    other_life = other_life || missing.other_life;
    trimmed.push_back(&table);
  }
  if (other_life) return start_new_life(reason);
  for (GapTable* table : trimmed) {
    WEIR_RETURN_IF_ERROR(move_to(table, stream.first_seq, reason, incarnation));
  }
  return ok_status();
}

// Every table goes on in the new life together, because they share its base.
Status GapAcceptor::start_new_life(const std::string& reason) {
  for (const GapTable& table : tables) WEIR_RETURN_IF_ERROR(first_of_new_life(table).status());
  const lake::IncarnationStore incarnations(lake_objects(*services.engine, config));
  WEIR_ASSIGN_OR_RETURN(const auto current, incarnations.current(stream.name));
  WEIR_ASSIGN_OR_RETURN(const Seq highest, highest_used());
  Seq accepted_at{0};
  for (const GapTable& table : tables) accepted_at = std::max(accepted_at, table.position);
  const lake::Incarnation next{.number = current ? current->number + 1 : 1,
                               .base = highest.value,
                               .created_us = stream.created_us,
                               .accepted_at_position = accepted_at};
  WEIR_RETURN_IF_ERROR(incarnations.advance(stream.name, next));
  base = next.base;
  return finish_moves(reason, next.number);
}

Status GapAcceptor::finish_moves(const std::string& reason, int64_t incarnation) {
  for (GapTable& table : tables) {
    if (table.position.value >= base) continue;
    WEIR_ASSIGN_OR_RETURN(const int64_t first, first_of_new_life(table));
    WEIR_RETURN_IF_ERROR(move_to(&table, first, reason, incarnation));
  }
  return ok_status();
}

Result<GapAcceptor::Missing> GapAcceptor::missing_of(const GapTable& table) const {
  WEIR_ASSIGN_OR_RETURN(const auto source,
                        nats::StreamSource::create(*services.nats, telemetry.clock,
                                                   {.stream = stream.name, .subjects = {}, .base = base}));
  const Status by_lake = source->seek(table.position + 1, table.identity);
  if (by_lake.code() == StatusCode::kDataLoss) {
    WEIR_ASSIGN_OR_RETURN(const bool same, same_life(table));
    return Missing{.why = by_lake, .other_life = !same};
  }
  if (const auto seen = seen_by_clickhouse(table)) {
    const Status by_hot = source->seek(table.position + 1, seen);
    if (by_hot.code() == StatusCode::kDataLoss) return Missing{.why = by_hot, .other_life = true};
  }
  return Missing{};  // Anything else is for the runner to retry or to report.
}

// Whether the stream still is the one that the lake read from: then what is missing was only trimmed or purged.
Result<bool> GapAcceptor::same_life(const GapTable& table) const {
  if (stream.last_seq + base < table.position.value) return false;
  if (!table.identity) return true;
  if (table.identity->created_us != stream.created_us || table.identity->last_seq > stream.last_seq) return false;
  WEIR_ASSIGN_OR_RETURN(const int64_t time_us, stored_time_us(table.identity->last_seq));
  return time_us == 0 || table.identity->last_time_us == 0 || time_us == table.identity->last_time_us;
}

// ClickHouse may have rows that the lake does not have yet. A stream that went back behind those would give their numbers
// to other events. A ClickHouse that does not answer is not asked: nothing is lost then that is in the lake.
std::optional<StreamIdentity> GapAcceptor::seen_by_clickhouse(const GapTable& table) const {
  if (table.hot_table == nullptr || !table.identity) return std::nullopt;
  const auto present = table.hot_table->seq_bounds(0);
  if (!present.ok() || present->empty() || present->last <= table.position) return std::nullopt;
  const auto time_us = table.hot_table->time_us_at(0, present->last);
  if (!time_us.ok()) return std::nullopt;
  return StreamIdentity{
      .created_us = table.identity->created_us, .last_seq = present->last.value - base, .last_time_us = *time_us};
}

// A re-created stream is new from its first event on. A rolled-back one still holds events that are in the lake; those
// stored later than the newest of them are new, whatever their numbers. A table that never took an event of this life has
// taken none above its position.
Result<int64_t> GapAcceptor::first_of_new_life(const GapTable& table) const {
  if (!table.identity || table.identity->created_us != stream.created_us) return stream.first_seq;
  if (table.identity->last_time_us == 0) {
    return std::max(stream.first_seq, std::min(table.identity->last_seq, stream.last_seq) + 1);
  }
  return first_stream_sequence(
      *services.nats, stream,
      {.kind = StartPosition::Kind::kTime, .sequence = 0, .time_us = table.identity->last_time_us + 1});
}

// Nothing a store has ever seen may come again as another event's number.
Result<Seq> GapAcceptor::highest_used() const {
  Seq highest{base};
  for (const GapTable& table : tables) {
    highest = std::max({highest, table.position, Seq{table.dead_letter_position}});
    if (table.identity) highest = std::max(highest, Seq{table.identity->last_seq + base});
    const auto entry = services.key_value->get(pipeline::hot_position_key(table.name, 0));
    if (!entry.ok() && entry.status().code() != StatusCode::kNotFound) return entry.status();
    if (entry.ok()) {
      WEIR_ASSIGN_OR_RETURN(const auto hot, pipeline::hot_position_from_json(entry->value));
      highest = std::max(highest, hot.in_flight ? hot.in_flight->range.last : hot.hot_position);
    }
    if (table.hot_table == nullptr) continue;
    const auto present = table.hot_table->seq_bounds(0);
    if (!present.ok() && present.status().code() != StatusCode::kNotFound) {
      return present.status().with_context("ClickHouse must be up to give up a gap, because it may hold rows of it");
    }
    if (present.ok() && !present->empty()) highest = std::max(highest, present->last);
  }
  // KV may have lost its tail; a margin is cheaper than a proof, and numbers are plenty.
  return highest + 1'000'000;
}

Status GapAcceptor::erase_hot_tail(const GapTable& table, Seq last) const {
  if (table.hot_table == nullptr) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const bool created, table.hot_table->ensure());
  if (created) return ok_status();
  WEIR_RETURN_IF_ERROR(table.hot_table->raise_fence(live_writer(0), pipeline::fence_of(epoch, 0)));
  return table.hot_table->erase(0, {table.position + 1, last});
}

// 0: the stream no longer has that message.
Result<int64_t> GapAcceptor::stored_time_us(int64_t stream_seq) const {
  WEIR_ASSIGN_OR_RETURN(const auto api, nats::JetStreamApi::open(*services.nats));
  const auto message = api.message_at(stream.name, stream_seq);
  if (message.status().code() == StatusCode::kNotFound) return int64_t{0};
  if (!message.ok()) return message.status();
  return message->time_us;
}

Status GapAcceptor::move_to(GapTable* table, int64_t first, const std::string& reason, int64_t incarnation) {
  const SeqRange range{table->position + 1, Seq{base + first - 1}};
  if (range.empty()) return ok_status();
  telemetry.log.warn("going on behind a gap", {{"table", table->name},
                                               {"first_seq", range.first.value},
                                               {"last_seq", range.last.value},
                                               {"reason", reason}});
  const int64_t now = telemetry.clock.unix_us();
  const lake::GapStore gaps(lake_objects(*services.engine, config));
  WEIR_RETURN_IF_ERROR(gaps.record({.name = table->name,
                                    .shard = 0,
                                    .range = range,
                                    .reason = reason,
                                    .detected_us = now,
                                    .accepted_us = now,
                                    .incarnation = incarnation}));
  WEIR_RETURN_IF_ERROR(
      erase_hot_tail(*table, range.last)
          .with_context("ClickHouse must be up to give up a gap, because it may hold rows of it"));
  pipeline::LakeSink sink(table->lake_table, {.table = table->name,
                                              .shard = 0,
                                              .epoch = epoch,
                                              .stream_base = base,
                                              .stream_created_us = stream.created_us});
  WEIR_RETURN_IF_ERROR(sink.resolve().status());
  auto slice = std::make_shared<Slice>();
  slice->range = range;
  slice->plan_id = "gap";
  slice->last_event = range.last;
  if (first > 1) {
    WEIR_ASSIGN_OR_RETURN(slice->last_time_us, stored_time_us(first - 1));
  }
  slice->rows = arrow::RecordBatch::Make(arrow::schema({}), 0, arrow::ArrayVector{});
  WEIR_RETURN_IF_ERROR(sink.write({slice}));
  table->position = range.last;
  table->identity =
      StreamIdentity{.created_us = stream.created_us, .last_seq = first - 1, .last_time_us = slice->last_time_us};
  return ok_status();
}

}  // namespace weir::app
