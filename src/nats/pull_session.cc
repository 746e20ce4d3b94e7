#include "nats/pull_session.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "nats/stream_identity.h"

namespace weir::nats {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

constexpr milliseconds kLongestWait{250};  // between two looks at the connection
constexpr size_t kChunkBytes = 512;        // a chunk without messages is not free either

int64_t to_ns(milliseconds time) { return nanoseconds(time).count(); }

json consumer_request(const SourceOptions& options, const EventFilter& filter, const std::string& name, int64_t first) {
  json config = {{"name", name},
                 {"description", "weir: reads shard " + std::to_string(options.shard)},
                 {"deliver_policy", "by_start_sequence"},
                 {"opt_start_seq", std::max<int64_t>(first, 1)},
                 {"ack_policy", "none"},
                 {"replay_policy", "instant"},
                 {"mem_storage", true},
                 {"num_replicas", 1},
                 {"inactive_threshold", to_ns(options.inactive_threshold)}};
  if (filter.server_filters().size() == 1) config["filter_subject"] = filter.server_filters().front();
  if (filter.server_filters().size() > 1) config["filter_subjects"] = filter.server_filters();
  return {{"stream_name", options.stream}, {"config", std::move(config)}};
}

/// Value of a header of a control message, "" when absent.
std::string_view header(natsMsg& message, const char* name) {
  const char* value = nullptr;
  return natsMsgHeader_Get(&message, name, &value) == NATS_OK && value != nullptr ? value : "";
}

int64_t number_header(natsMsg& message, const char* name) {
  const std::string text(header(message, name));
  return text.empty() ? -1 : std::strtoll(text.c_str(), nullptr, 10);
}

}  // namespace

Result<std::unique_ptr<PullSession>> PullSession::open(const Connection& connection, const JetStreamApi& api,
                                                       const Clock& clock, const SourceOptions& options,
                                                       int64_t first) {
  // Read before anything is made on the server: a reconnect in between then ends the session at once.
  const uint64_t generation = connection.generation();
  natsInbox* raw_inbox = nullptr;
  WEIR_RETURN_IF_ERROR(from_nats(natsInbox_Create(&raw_inbox), Effect::kReads, "inbox"));
  const std::string inbox(raw_inbox);
  natsInbox_Destroy(raw_inbox);
  const std::string consumer = "weir_" + inbox.substr(inbox.rfind('.') + 1);

  natsSubscription* raw_subscription = nullptr;
  WEIR_RETURN_IF_ERROR(
      from_nats(natsConnection_SubscribeSync(&raw_subscription, connection.raw(), (inbox + ".*").c_str()),
                Effect::kReads, "subscribe to " + inbox));
  SubscriptionPtr subscription(raw_subscription);
  // Our pull requests bound what is under way; the library's own limit would drop messages.
  WEIR_RETURN_IF_ERROR(
      from_nats(natsSubscription_SetPendingLimits(raw_subscription, -1, -1), Effect::kReads, "limits"));

  const EventFilter filter(options.subjects, options.shard, options.shards);
  // A lost answer is harmless (kReads): the consumer is ephemeral and bears a name nobody will use again.
  const auto created = api.call("CONSUMER.CREATE." + options.stream + "." + consumer,
                                consumer_request(options, filter, consumer, first), Effect::kReads);
  if (!created.ok()) return created.status();
  return std::unique_ptr<PullSession>(
      new PullSession(connection, api, clock, options, first, consumer, inbox, std::move(subscription), generation));
}

PullSession::PullSession(const Connection& connection, const JetStreamApi& api, const Clock& clock,
                         const SourceOptions& options, int64_t first, std::string consumer, std::string inbox,
                         SubscriptionPtr subscription, uint64_t generation)
    : connection_(connection),
      api_(api),
      clock_(clock),
      options_(options),
      filter_(options.subjects, options.shard, options.shards),
      consumer_(std::move(consumer)),
      inbox_(std::move(inbox)),
      next_subject_("$JS.API.CONSUMER.MSG.NEXT." + options_.stream + "." + consumer_),
      subscription_(std::move(subscription)),
      generation_(generation),
      position_(first - 1),
      idle_pause_(options.idle_check_first),
      queue_(static_cast<size_t>(options.prefetch_bytes)) {}

PullSession::~PullSession() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
  if (!connection_.check().ok() || connection_.generation() != generation_) return;
  // Best effort: an answer that is lost leaves a consumer which the server drops after inactive_threshold.
  [[maybe_unused]] const auto deleted =
      api_.call("CONSUMER.DELETE." + options_.stream + "." + consumer_, nullptr, Effect::kReads);
}

void PullSession::start(int64_t created_us) {
  created_us_ = created_us;
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

std::shared_ptr<const MessageChunk> PullSession::pop(milliseconds timeout, const std::stop_token& stop) {
  return queue_.pop(timeout, stop).value_or(nullptr);
}

std::optional<Status> PullSession::end() const {
  if (!ended_.load()) return std::nullopt;
  return end_status_;
}

void PullSession::run(const std::stop_token& stop) {
  // Unsubscribing wakes the thread out of its wait for a message.
  const std::stop_callback wake(stop, [this] { natsSubscription_Unsubscribe(subscription_.get()); });
  last_sign_of_life_ = last_event_ = clock_.now();
  schedule_idle_check(options_.idle_check_first);
  while (!stop.stop_requested()) {
    if (ask_for_more() == Step::kEnd || read_chunk(stop) == Step::kEnd) break;
  }
  queue_.close();
  ended_.store(true);
}

PullSession::Step PullSession::finish(Status status) {
  end_status_ = std::move(status);
  return Step::kEnd;
}

PullSession::Step PullSession::info_failed(const Status& status) {
  // No stream: what that means is decided where it is known what was read from it.
  return status.code() == StatusCode::kNotFound ? lost() : finish(status);
}

PullSession::Step PullSession::ask_for_more() {
  while (next_is_oversized_ ? credit_ == 0 : credit_ <= options_.request_messages) {
    const int64_t messages = next_is_oversized_ ? 1 : options_.request_messages;
    json request = {{"batch", messages},
                    {"expires", to_ns(options_.request_expires)},
                    {"idle_heartbeat", to_ns(options_.heartbeat)}};
    if (!next_is_oversized_) request["max_bytes"] = options_.request_bytes;
    const std::string text = request.dump();
    const std::string reply = inbox_ + "." + std::to_string(++requests_);
    const natsStatus sent = natsConnection_PublishRequest(connection_.raw(), next_subject_.c_str(), reply.c_str(),
                                                          text.data(), static_cast<int>(text.size()));
    if (sent != NATS_OK) return lost();
    credit_ += messages;
  }
  return Step::kGoOn;
}

milliseconds PullSession::patience(bool has_messages, bool has_jump) const {
  // What has come is handed over as soon as nothing more is here; but a jump costs a call to the server, so there
  // messages gather for a moment. The first case is that of nearly every message, and asks no clock.
  if (has_messages && !has_jump) return milliseconds(0);
  const auto until = [now = clock_.now()](std::chrono::steady_clock::time_point then) {
    return std::clamp(std::chrono::ceil<milliseconds>(then - now), milliseconds(0), kLongestWait);
  };
  return has_jump ? until(last_jump_check_ + options_.jump_check_interval)
                  : std::max(until(next_idle_check_), milliseconds(1));
}

PullSession::Step PullSession::read_chunk(const std::stop_token& stop) {
  auto chunk = std::make_shared<MessageChunk>(Seq{position_ + options_.base});
  std::optional<Jump> jump;
  const uint64_t consumer_seq_before = consumer_seq_;
  const auto taken = [&] { return static_cast<int32_t>(consumer_seq_ - consumer_seq_before); };
  while (taken() < options_.chunk_messages && chunk->bytes() < options_.chunk_bytes) {
    natsMsg* raw = nullptr;
    const natsStatus status =
        natsSubscription_NextMsg(&raw, subscription_.get(), patience(taken() > 0, jump.has_value()).count());
    if (status == NATS_TIMEOUT) break;
    if (status != NATS_OK) return lost();
    if (take(MsgPtr(raw), *chunk, jump) == Step::kEnd) {
      // What came before is complete and stays ours.
      Status why = end_status_;
      if (taken() > 0 && hand_over(std::move(chunk), jump, stop) == Step::kEnd) return Step::kEnd;
      return finish(std::move(why));
    }
    if (ask_for_more() == Step::kEnd) break;
  }
  if (connection_.generation() != generation_) return lost();
  if (taken() == 0) return idle(stop);
  return hand_over(std::move(chunk), jump, stop);
}

PullSession::Step PullSession::take(MsgPtr message, MessageChunk& chunk, std::optional<Jump>& jump) {
  const char* reply = natsMsg_GetReply(message.get());
  const auto ack = reply == nullptr ? std::nullopt : parse_ack_reply(reply);
  return ack ? take_event(std::move(message), *ack, chunk, jump) : take_control(*message);
}

PullSession::Step PullSession::take_event(MsgPtr message, const AckReply& ack, MessageChunk& chunk,
                                          std::optional<Jump>& jump) {
  credit_ = std::max<int64_t>(credit_ - 1, 0);
  next_is_oversized_ = false;
  if (ack.consumer_seq != consumer_seq_ + 1) {
    mismatch_.store(true);
    return lost();
  }
  const auto seq = static_cast<int64_t>(ack.stream_seq);
  // It was on its way when it was deleted from the store, which then proved that nothing of ours is there: a hole that
  // is covered already. A new consumer goes on behind it.
  if (seq <= position_) return lost();
  ++consumer_seq_;
  if (seq != position_ + 1 && !jump) jump = Jump{chunk.messages().size(), position_ + 1, seq - 1};
  position_ = seq;
  if (filter_.wants(natsMsg_GetSubject(message.get()))) {
    chunk.add(std::move(message), Seq{seq + options_.base}, ack.time_ns / 1'000);
  } else {
    chunk.extend_to(Seq{seq + options_.base});
  }
  return Step::kGoOn;
}

PullSession::Step PullSession::take_control(natsMsg& message) {
  last_sign_of_life_ = clock_.now();  // of events, hand_over() takes the time, once per chunk
  const std::string_view status = header(message, "Status");
  const std::string_view description = header(message, "Description");
  if (status == "100") return Step::kGoOn;  // heartbeat
  const int64_t unused_messages = number_header(message, "Nats-Pending-Messages");
  const bool request_is_over = status == "404" || status == "408" || status == "409";
  // Anything else, and an end without counts ("Consumer Deleted", "Leadership Change", "Server Shutdown", no
  // responders), is the end of this consumer.
  if (!request_is_over || unused_messages < 0) return lost();
  credit_ = std::max<int64_t>(credit_ - unused_messages, 0);
  // A request that ended with all its bytes unused met a message larger than it asked for.
  if (description.find("MaxBytes") != std::string_view::npos &&
      number_header(message, "Nats-Pending-Bytes") == options_.request_bytes) {
    next_is_oversized_ = true;
  }
  return Step::kGoOn;
}

PullSession::Step PullSession::hand_over(std::shared_ptr<MessageChunk> chunk, const std::optional<Jump>& jump,
                                         const std::stop_token& stop) {
  last_event_ = clock_.now();
  Status gap;
  if (jump) {
    // Read after the messages came: if the stream still begins at or before the jump, nothing was trimmed inside it.
    auto info = api_.stream_info(options_.stream);
    last_jump_check_ = clock_.now();
    if (!info.ok()) return info_failed(info.status());
    if (info->created_us != created_us_) return lost();
    if (info->first_seq > jump->first) {
      info->first_seq = std::min(info->first_seq, jump->last + 1);
      gap = lost_to_trimming(*info, jump->first, options_.base);
      chunk->truncate(jump->index, Seq{jump->first - 1 + options_.base});
    }
  }
  if (!chunk->range().empty()) {
    const auto bytes = static_cast<size_t>(chunk->bytes()) + kChunkBytes;
    if (!queue_.push(std::move(chunk), bytes, stop)) return lost();
  }
  if (!gap.ok()) return finish(std::move(gap));
  last_sign_of_life_ = clock_.now();  // heartbeats could not be seen while the queue was full
  schedule_idle_check(options_.idle_check_first);
  return Step::kGoOn;
}

PullSession::Step PullSession::idle(const std::stop_token& stop) {
  const auto now = clock_.now();
  if (credit_ > 0 && now - last_sign_of_life_ > 3 * options_.heartbeat) return lost();
  if (now < next_idle_check_) return Step::kGoOn;
  const auto info = api_.stream_info(options_.stream);
  if (!info.ok()) return info_failed(info.status());
  // Re-created, rolled back or trimmed: the check at the start of the next session says which.
  if (info->created_us != created_us_ || info->last_seq < position_ || info->first_seq > position_ + 1) return lost();
  const bool moved = info->last_seq != known_last_seq_;
  known_last_seq_ = info->last_seq;
  if (info->last_seq > position_) {
    const auto nothing = nothing_for_us_through(info->last_seq);
    if (!nothing.ok()) return info_failed(nothing.status());
    if (*nothing) {
      auto chunk = std::make_shared<MessageChunk>(Seq{position_ + options_.base});
      chunk->extend_to(Seq{info->last_seq + options_.base});
      position_ = info->last_seq;
      if (!queue_.push(std::move(chunk), kChunkBytes, stop)) return lost();
    } else if (now - last_event_ > 3 * options_.heartbeat) {
      return lost();  // the store has an event for us, and this consumer does not deliver it
    }
  }
  schedule_idle_check(moved ? options_.idle_check_moving : std::min(idle_pause_ * 2, options_.idle_check_max));
  return Step::kGoOn;
}

Result<bool> PullSession::nothing_for_us_through(int64_t last) {
  static const std::vector<std::string> everything = {">"};
  const auto& filters = filter_.server_filters().empty() ? everything : filter_.server_filters();
  for (const std::string& pattern : filters) {
    // Asked of the store, not of the consumer: nothing promises that its num_pending already counts a message that the
    // stream's last sequence includes.
    WEIR_ASSIGN_OR_RETURN(const int64_t found, api_.next_matching(options_.stream, position_ + 1, pattern));
    if (found != 0 && found <= last) return false;
  }
  // Read last: what was not there when we looked must not have been trimmed just before.
  WEIR_ASSIGN_OR_RETURN(const StreamInfo after, api_.stream_info(options_.stream));
  return after.created_us == created_us_ && after.first_seq <= position_ + 1;
}

void PullSession::schedule_idle_check(milliseconds pause) {
  idle_pause_ = pause;
  next_idle_check_ = clock_.now() + pause;
}

}  // namespace weir::nats
