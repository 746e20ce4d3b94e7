#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "base/status.h"
#include "nats/ack_reply.h"
#include "nats/connection.h"
#include "nats/event_filter.h"
#include "nats/jetstream_api.h"
#include "nats/message_chunk.h"
#include "nats/source_options.h"

namespace weir::nats {

/// The life of one ephemeral pull consumer: a thread reads ahead into a bounded queue until the consumer, the
/// connection or the proof of completeness is lost. Every chunk continues the one before, and what it covers is proven:
///   - the consumer's own sequence numbers are consecutive, so the server sent all it had for us;
///   - after a jump in stream sequences the stream still began at or before the jump, so nothing was trimmed inside it.
/// A session never recovers; its owner starts another one at the position reached. Made for one consumer thread.
class PullSession {
 public:
  /// Creates the consumer that delivers from stream sequence `first` on. Reads nothing before start().
  /// `connection`, `api` and `clock` must outlive it.
  [[nodiscard]] static Result<std::unique_ptr<PullSession>> open(const Connection& connection, const JetStreamApi& api,
                                                                 const Clock& clock, const SourceOptions& options,
                                                                 int64_t first);
  /// Stops the thread and deletes the consumer if the server is reachable.
  ~PullSession();
  PullSession(const PullSession&) = delete;
  PullSession& operator=(const PullSession&) = delete;

  /// Starts reading. `created_us`: which life of the stream the chunks must come from.
  void start(int64_t created_us);

  /// The next chunk; null when none came in time, when stopped, or when the session has ended and all was taken.
  [[nodiscard]] std::shared_ptr<const MessageChunk> pop(std::chrono::milliseconds timeout, const std::stop_token& stop);

  /// Set once the thread has ended (chunks may still be waiting). Ok: the consumer or connection was lost, start
  /// another session. kDataLoss: events after the last chunk are gone. Else: the error that ended it.
  [[nodiscard]] std::optional<Status> end() const;

  /// True when it ended because the consumer's numbers were not consecutive.
  [[nodiscard]] bool ended_by_mismatch() const { return mismatch_.load(); }

 private:
  enum class Step { kGoOn, kEnd };
  /// The first jump in stream sequence inside the chunk being built.
  struct Jump {
    size_t index = 0;   ///< Messages of ours before it.
    int64_t first = 0;  ///< First sequence that did not come.
    int64_t last = 0;   ///< Last one.
  };

  PullSession(const Connection& connection, const JetStreamApi& api, const Clock& clock, const SourceOptions& options,
              int64_t first, std::string consumer, std::string inbox, SubscriptionPtr subscription,
              uint64_t generation);

  void run(const std::stop_token& stop);
  [[nodiscard]] Step ask_for_more();
  [[nodiscard]] std::chrono::milliseconds patience(bool has_messages, bool has_jump) const;
  [[nodiscard]] Step read_chunk(const std::stop_token& stop);
  [[nodiscard]] Step take(MsgPtr message, MessageChunk& chunk, std::optional<Jump>& jump);
  [[nodiscard]] Step take_event(MsgPtr message, const AckReply& ack, MessageChunk& chunk, std::optional<Jump>& jump);
  [[nodiscard]] Step take_control(natsMsg& message);
  [[nodiscard]] Step hand_over(std::shared_ptr<MessageChunk> chunk, const std::optional<Jump>& jump,
                               const std::stop_token& stop);
  [[nodiscard]] Step idle(const std::stop_token& stop);
  [[nodiscard]] Result<bool> nothing_for_us_through(int64_t last);
  [[nodiscard]] Step lost() { return finish(ok_status()); }
  [[nodiscard]] Step finish(Status status);
  [[nodiscard]] Step info_failed(const Status& status);
  void schedule_idle_check(std::chrono::milliseconds pause);

  const Connection& connection_;
  const JetStreamApi& api_;
  const Clock& clock_;
  const SourceOptions options_;
  const EventFilter filter_;
  const std::string consumer_;
  const std::string inbox_;
  const std::string next_subject_;
  const SubscriptionPtr subscription_;
  const uint64_t generation_;  ///< Of the connection the consumer was made on.
  int64_t created_us_ = 0;

  // Of the reading thread.
  int64_t position_;  ///< Last stream sequence covered.
  uint64_t consumer_seq_ = 0;
  int64_t credit_ = 0;  ///< Messages the server may still send on our requests.
  uint64_t requests_ = 0;
  bool next_is_oversized_ = false;  ///< The next message is larger than request_bytes: ask for it alone.
  std::chrono::steady_clock::time_point last_sign_of_life_;
  std::chrono::steady_clock::time_point last_event_;
  std::chrono::steady_clock::time_point last_jump_check_;
  std::chrono::steady_clock::time_point next_idle_check_;
  std::chrono::milliseconds idle_pause_;
  int64_t known_last_seq_ = -1;  ///< Of the stream, at the last idle check.

  BoundedQueue<std::shared_ptr<const MessageChunk>> queue_;
  std::atomic<bool> mismatch_{false};
  std::atomic<bool> ended_{false};
  Status end_status_;    // written before ended_, read after it
  std::jthread thread_;  // last: it uses everything above
};

}  // namespace weir::nats
