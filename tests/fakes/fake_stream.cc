#include "tests/fakes/fake_stream.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>

namespace weir::fakes {
namespace {

class FakeBatch final : public MessageBatch {
 public:
  FakeBatch(SeqRange range, const std::vector<EventKind>& events) : range_(range) {
    for (Seq seq = range.first; seq <= range.last; seq = seq + 1) {
      const EventKind& kind = events[static_cast<size_t>(seq.value - 1)];
      if (kind == EventKind::kHole) continue;
      payloads_.push_back(std::make_unique<std::string>(1, static_cast<char>(kind)));
      messages_.push_back(
          {.seq = seq, .time_us = seq.value, .subject = "events", .payload = *payloads_.back(), .headers = {}});
    }
  }
  SeqRange range() const override { return range_; }
  std::span<const Message> messages() const override { return messages_; }
  int64_t bytes() const override { return static_cast<int64_t>(messages_.size()) * 100; }

 private:
  const SeqRange range_;
  std::vector<std::unique_ptr<std::string>> payloads_;
  std::vector<Message> messages_;
};

}  // namespace

std::shared_ptr<arrow::RecordBatch> rows_of(const std::vector<RowId>& ids) {
  static const auto schema = arrow::schema({arrow::field("_seq", arrow::int64()), arrow::field("_row", arrow::int32())});
  arrow::Int64Builder seq;
  arrow::Int32Builder row;
  for (const RowId& id : ids) {
    if (!seq.Append(id.seq.value).ok() || !row.Append(id.row).ok()) return nullptr;
  }
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(ids.size()), {*seq.Finish(), *row.Finish()});
}

Status FakeEventSource::seek(Seq first, const std::optional<StreamIdentity>&) {
  const Fate fate = faults_.fate("source.seek");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("source.seek");
  next_ = first;
  return ok_status();
}

Result<std::unique_ptr<MessageBatch>> FakeEventSource::next(const ReadLimits&, std::stop_token) {
  const Fate fate = faults_.fate("source.next");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("source.next");
  const Seq end{static_cast<int64_t>(history_.events.size())};
  const SeqRange range{next_, std::min(end, next_ + (batch_length_() - 1))};
  if (!range.empty()) next_ = range.last + 1;
  return std::unique_ptr<MessageBatch>(std::make_unique<FakeBatch>(range, history_.events));
}

Status FakeEventSource::release_through(Seq seq) {
  history_.released = std::max(history_.released, seq);
  return ok_status();
}

Result<StreamState> FakeEventSource::state() {
  return StreamState{.created_us = 1, .first = Seq{1}, .last = Seq{static_cast<int64_t>(history_.events.size())}};
}

Result<std::shared_ptr<const Slice>> FakeRowTransform::apply(const MessageBatch& batch, SeqRange range) {
  auto slice = std::make_shared<Slice>();
  slice->range = range;
  std::vector<RowId> ids;
  for (const Message& message : batch.messages()) {
    if (!range.contains(message.seq)) continue;
    ++slice->events;
    slice->last_event = message.seq;
    slice->last_time_us = message.time_us;
    switch (static_cast<EventKind>(message.payload[0])) {
      case EventKind::kRow: ids.push_back({message.seq, 0}); break;
      case EventKind::kReject: slice->rejects.push_back({.seq = message.seq, .code = "invalid_json"}); break;
      case EventKind::kFiltered: ++slice->filtered; break;
      case EventKind::kHole: break;
    }
  }
  slice->rows = rows_of(ids);
  slice->bytes = 100 * slice->events;
  slice->plan_id = "plan";
  return std::shared_ptr<const Slice>(std::move(slice));
}

}  // namespace weir::fakes
