#include "nats/stream_source.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "base/crash_point.h"
#include "nats/direct_read.h"
#include "nats/subject_match.h"

namespace weir::nats {
namespace {

using std::chrono::milliseconds;

constexpr int kMismatchesMax = 3;             // then the missing sequences are read one by one
constexpr int32_t kDirectReadMessages = 256;  // at a time

/// A contiguous cut out of one or more chunks; keeps them alive.
class ChunkBatch final : public MessageBatch {
 public:
  explicit ChunkBatch(Seq position) : range_{position + 1, position} {}
  SeqRange range() const override { return range_; }
  std::span<const Message> messages() const override { return messages_; }
  int64_t bytes() const override { return bytes_; }

  [[nodiscard]] bool has_room(const Message& message, const ReadLimits& limits) const {
    if (messages_.empty()) return true;
    return static_cast<int64_t>(messages_.size()) < limits.messages_max &&
           bytes_ + message_bytes(message) <= limits.bytes_max;
  }
  void add(const Message& message) {
    messages_.push_back(message);
    bytes_ += message_bytes(message);
    range_.last = message.seq;
  }
  void reserve(size_t messages) { messages_.reserve(messages_.size() + messages); }
  void keep(std::shared_ptr<const MessageChunk> chunk) { chunks_.push_back(std::move(chunk)); }
  void extend_to(Seq seq) { range_.last = seq; }

 private:
  SeqRange range_;
  std::vector<Message> messages_;
  std::vector<std::shared_ptr<const MessageChunk>> chunks_;
  int64_t bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<StreamSource>> StreamSource::create(const Connection& connection, const Clock& clock,
                                                           SourceOptions options) {
  if (options.stream.empty()) return invalid_argument("the name of the stream is empty");
  if (options.shards < 1 || options.shard < 0 || options.shard >= options.shards) {
    return invalid_argument("shard " + std::to_string(options.shard) + " of " + std::to_string(options.shards) +
                            " does not exist");
  }
  for (const std::string& subject : options.subjects) {
    if (!is_valid_pattern(subject)) return invalid_argument("'" + subject + "' is not a subject pattern");
  }
  WEIR_ASSIGN_OR_RETURN(JetStreamApi api, JetStreamApi::open(connection));
  return std::unique_ptr<StreamSource>(new StreamSource(connection, clock, std::move(options), std::move(api)));
}

StreamSource::StreamSource(const Connection& connection, const Clock& clock, SourceOptions options, JetStreamApi api)
    : connection_(connection),
      clock_(clock),
      options_(std::move(options)),
      api_(std::move(api)),
      restart_pause_{.first = milliseconds(20), .max = milliseconds(2'000)} {}

Status StreamSource::seek(Seq first, const std::optional<StreamIdentity>& identity) {
  if (first.value <= options_.base) {
    return invalid_argument("stream " + options_.stream + ": cannot read from " + weir::to_string(first) +
                            ", its sequences start after " + std::to_string(options_.base));
  }
  session_.reset();
  chunk_.reset();
  position_ = fetched_ = first - 1;
  if (identity) known_ = identity;
  mismatches_ = fruitless_sessions_ = 0;
  return open_session();
}

Result<TimeAtPosition> StreamSource::time_at_known_position() const {
  if (!known_ || known_->last_seq == 0 || known_->last_time_us == 0) return TimeAtPosition{};
  const auto stored = api_.message_at(options_.stream, known_->last_seq);
  if (stored.ok()) return TimeAtPosition{TimeAtPosition::Kind::kKnown, stored->time_us};
  if (stored.status().code() == StatusCode::kNotFound) return TimeAtPosition{TimeAtPosition::Kind::kGone, 0};
  return stored.status();
}

Status StreamSource::open_session() {
  const int64_t first = fetched_.value + 1 - options_.base;
  const auto found = api_.stream_info(options_.stream);
  if (found.status().code() == StatusCode::kNotFound && known_ && known_->created_us != 0) {
    return lost_with_its_stream(options_.stream, fetched_);
  }
  WEIR_RETURN_IF_ERROR(found.status());
  const StreamInfo& before = *found;
  if (before.retention != Retention::kLimits) {
    return invalid_argument("stream " + options_.stream + " has " + std::string(to_string(before.retention)) +
                            " retention, which is not supported yet; only streams with limits retention are");
  }
  auto session = PullSession::open(connection_, api_, clock_, options_, first);
  // Looked at after the consumer exists: whatever the stream loses from here on, the session notices.
  WEIR_ASSIGN_OR_RETURN(const StreamInfo now, api_.stream_info(options_.stream));
  WEIR_ASSIGN_OR_RETURN(const TimeAtPosition at_position, time_at_known_position());
  WEIR_RETURN_IF_ERROR(check_identity(now, first, options_.base, known_, at_position));
  if (!session.ok()) return session.status();
  if (now.created_us != before.created_us) return unavailable("stream " + options_.stream + " was re-created just now");
  if (!known_) known_ = StreamIdentity{};
  known_->created_us = now.created_us;
  session_ = std::move(session).value();
  session_->start(now.created_us);
  return ok_status();
}

Result<std::unique_ptr<MessageBatch>> StreamSource::next(const ReadLimits& limits, std::stop_token stop) {
  const auto deadline = clock_.now() + limits.wait;
  if (!chunk_) {
    WEIR_ASSIGN_OR_RETURN(chunk_, next_chunk(deadline, stop));
    chunk_next_ = 0;
    if (!chunk_) return std::unique_ptr<MessageBatch>(new ChunkBatch(position_));
  }
  return cut(limits);
}

std::unique_ptr<MessageBatch> StreamSource::cut(const ReadLimits& limits) {
  auto batch = std::make_unique<ChunkBatch>(position_);
  while (chunk_) {
    const std::vector<Message>& messages = chunk_->messages();
    batch->keep(chunk_);
    batch->reserve(std::min<size_t>(messages.size() - chunk_next_, static_cast<size_t>(limits.messages_max)));
    while (chunk_next_ < messages.size() && batch->has_room(messages[chunk_next_], limits)) {
      batch->add(messages[chunk_next_++]);
    }
    if (chunk_next_ < messages.size()) break;
    batch->extend_to(chunk_->range().last);
    // More of what is here already, without waiting.
    chunk_ = session_ ? session_->pop(milliseconds(0), {}) : nullptr;
    chunk_next_ = 0;
    if (!chunk_) break;
    fetched_ = chunk_->range().last;
    if (!chunk_->messages().empty() && !batch->has_room(chunk_->messages().front(), limits)) break;
  }
  position_ = batch->range().last;
  if (batch->messages().empty()) return batch;
  // What is read again was known before: the event that is known already speaks for all below it.
  const Message& last = batch->messages().back();
  if (const int64_t seq = last.seq.value - options_.base; seq > known_->last_seq) {
    known_->last_seq = seq;
    known_->last_time_us = last.time_us;
  }
  return batch;
}

Result<std::shared_ptr<const MessageChunk>> StreamSource::next_chunk(std::chrono::steady_clock::time_point deadline,
                                                                     const std::stop_token& stop) {
  std::shared_ptr<const MessageChunk> chunk;
  do {
    if (stop.stop_requested()) return shutting_down("reading of stream " + options_.stream + " was stopped");
    if (!session_) {
      pause(deadline, stop);
      const auto left = std::chrono::ceil<milliseconds>(deadline - clock_.now());
      WEIR_RETURN_IF_ERROR(connection_.wait_connected(std::max(left, milliseconds(0)), stop));
      if (mismatches_ >= kMismatchesMax) return read_past_mismatch();
      if (Status opened = open_session(); !opened.ok()) {
        ++fruitless_sessions_;
        return opened;
      }
      replaced_.fetch_add(1);
    }
    const auto ended = session_->end();  // asked before the queue: after the end nothing is added
    const auto left = std::chrono::ceil<milliseconds>(deadline - clock_.now());
    chunk = session_->pop(ended ? milliseconds(0) : std::max(left, milliseconds(0)), stop);
    if (!chunk && ended) {
      note_session_end();
      WEIR_RETURN_IF_ERROR(*ended);
    }
  } while (!chunk && clock_.now() < deadline);
  if (chunk) {
    fetched_ = chunk->range().last;
    mismatches_ = fruitless_sessions_ = 0;
  }
  return chunk;
}

void StreamSource::note_session_end() {
  mismatches_ = session_->ended_by_mismatch() ? mismatches_ + 1 : 0;
  ++fruitless_sessions_;
  session_.reset();
}

void StreamSource::pause(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) const {
  if (fruitless_sessions_ < 2) return;  // the first replacement comes at once
  const auto left = std::chrono::ceil<milliseconds>(deadline - clock_.now());
  const auto wanted = restart_pause_.delay(fruitless_sessions_ - 2, /*jitter=*/0);
  std::mutex mutex;
  std::condition_variable_any woken;
  std::unique_lock lock(mutex);
  woken.wait_for(lock, stop, std::min(wanted, std::max(left, milliseconds(0))), [] { return false; });
}

Result<std::shared_ptr<const MessageChunk>> StreamSource::read_past_mismatch() {
  // Consumers keep skipping numbers here: ask the store for every sequence itself. Once: when that fails, the next session's
  // checks say why.
  mismatches_ = 0;
  WEIR_ASSIGN_OR_RETURN(auto chunk,
                        read_sequences(api_, options_, known_ ? known_->created_us : 0, fetched_, kDirectReadMessages));
  fetched_ = chunk->range().last;
  if (chunk->range().empty()) return std::shared_ptr<const MessageChunk>();
  return std::shared_ptr<const MessageChunk>(std::move(chunk));
}

Status StreamSource::release_through(Seq) {
  // A limits stream keeps its events whatever we do; streams that want acks get them here.
  crash_point("ack_sent");
  return ok_status();
}

Result<StreamState> StreamSource::state() {
  WEIR_ASSIGN_OR_RETURN(const StreamInfo info, api_.stream_info(options_.stream));
  return StreamState{info.created_us, Seq{info.first_seq + options_.base}, Seq{info.last_seq + options_.base}};
}

}  // namespace weir::nats
