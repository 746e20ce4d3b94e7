#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "base/clock.h"
#include "base/retry.h"
#include "nats/connection.h"
#include "nats/jetstream_api.h"
#include "nats/pull_session.h"
#include "nats/source_options.h"
#include "nats/stream_identity.h"
#include "ports/event_source.h"

namespace weir::nats {

/// EventSource over a limits-retention stream: one ephemeral consumer at a time, created anew after every seek,
/// reconnect or loss, at the position reached, and only after the stream has proven to be the one we read so far.
/// Streams with work-queue or interest retention are refused until they are supported.
/// Thread-safety and failures: as EventSource says; next() may exceed limits.wait by a few request_timeouts while a
/// consumer is replaced at a server that does not answer. Owned by the reader; `connection` and `clock` must outlive
/// it.
class StreamSource final : public EventSource {
 public:
  /// Asks nothing of the server. kInvalidArgument: a malformed pattern, shard, or an empty stream name.
  [[nodiscard]] static Result<std::unique_ptr<StreamSource>> create(const Connection& connection, const Clock& clock,
                                                                    SourceOptions options);

  [[nodiscard]] Status seek(Seq first, const std::optional<StreamIdentity>& identity) override;
  [[nodiscard]] Result<std::unique_ptr<MessageBatch>> next(const ReadLimits& limits, std::stop_token stop) override;
  [[nodiscard]] Status release_through(Seq seq) override;
  [[nodiscard]] Result<StreamState> state() override;

  /// How often a consumer had to be replaced since creation. Any thread.
  [[nodiscard]] int64_t consumers_replaced() const { return replaced_.load(); }

 private:
  StreamSource(const Connection& connection, const Clock& clock, SourceOptions options, JetStreamApi api);

  [[nodiscard]] Status open_session();
  [[nodiscard]] Result<TimeAtPosition> time_at_known_position() const;
  [[nodiscard]] Result<std::shared_ptr<const MessageChunk>> next_chunk(std::chrono::steady_clock::time_point deadline,
                                                                       const std::stop_token& stop);
  [[nodiscard]] Result<std::shared_ptr<const MessageChunk>> read_past_mismatch();
  [[nodiscard]] std::unique_ptr<MessageBatch> cut(const ReadLimits& limits);
  void note_session_end();
  void pause(std::chrono::steady_clock::time_point deadline, const std::stop_token& stop) const;

  const Connection& connection_;
  const Clock& clock_;
  const SourceOptions options_;
  const JetStreamApi api_;

  Seq position_;                         ///< Last sequence handed out.
  Seq fetched_;                          ///< Last sequence of the chunks taken from sessions.
  std::optional<StreamIdentity> known_;  ///< The stream as we read it so far.
  std::unique_ptr<PullSession> session_;
  std::shared_ptr<const MessageChunk> chunk_;  ///< Being handed out; null when all of it was.
  size_t chunk_next_ = 0;                      ///< Its next message.
  int mismatches_ = 0;                         ///< In a row, without an event in between.
  int fruitless_sessions_ = 0;                 ///< Likewise, for whatever reason.
  const RetryPolicy restart_pause_;
  std::atomic<int64_t> replaced_{0};
};

}  // namespace weir::nats
