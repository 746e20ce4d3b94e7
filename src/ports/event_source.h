#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

namespace weir {

/// One stored event. Views live as long as the MessageBatch they came in.
struct Message {
  Seq seq;
  int64_t time_us = 0;  ///< When JetStream stored it, microseconds UTC.
  std::string_view subject;
  std::string_view payload;
  std::string_view headers;  ///< Raw "Name: value\r\n" lines without the NATS/1.0 status line; empty without headers.
};

/// Messages of one contiguous range of sequences, in order. `range` may be wider than its messages: it covers what was
/// PROVEN to hold no event for us, and it may hold no message at all. Immutable; not copyable; owns the bytes.
class MessageBatch {
 public:
  virtual ~MessageBatch() = default;
  [[nodiscard]] virtual SeqRange range() const = 0;
  [[nodiscard]] virtual std::span<const Message> messages() const = 0;
  [[nodiscard]] virtual int64_t bytes() const = 0;
};

/// How much one read may return; it returns earlier when `wait` is over.
struct ReadLimits {
  int32_t messages_max = 5'000;
  int64_t bytes_max = 8 << 20;                 ///< One message larger than this comes alone.
  std::chrono::milliseconds wait{100};
};

/// What identifies one life of a stream; stored with every lake commit, compared at every connect.
struct StreamIdentity {
  int64_t created_us = 0;     ///< When the stream was created, microseconds UTC.
  int64_t last_seq = 0;       ///< Stream sequence (without base) of the last event of the commit.
  int64_t last_time_us = 0;   ///< Its stored time; 0 when it is unknown.
};

struct StreamState {
  int64_t created_us = 0;  ///< Microseconds UTC; names the life (incarnation) of the stream.
  Seq first;  ///< First sequence that is still retained; last + 1 when the stream is empty.
  Seq last;   ///< Last sequence ever given out.
};

/// One shard of one stream, read by position. Not thread-safe: one reader thread, except state() and release_through().
class EventSource {
 public:
  virtual ~EventSource() = default;

  /// Starts reading at `first`. `identity`: of the stream as the lake has it; empty: as this source has seen it so far. kDataLoss when the stream no longer holds what stands from there to its first event,
  /// or is not the stream of `identity` any more; the message names the missing range and `--accept-gap`.
  [[nodiscard]] virtual Status seek(Seq first, const std::optional<StreamIdentity>& identity) = 0;

  /// The next contiguous range after what was read before, or an empty batch (range().empty()) when nothing came within
  /// limits.wait. kUnavailable: the server is away, call again; the read position did not move. kDataLoss as in seek.
  [[nodiscard]] virtual Result<std::unique_ptr<MessageBatch>> next(const ReadLimits& limits, std::stop_token stop) = 0;

  /// Everything up to `seq` is durable in the lake: acks it where the stream wants acks. Never moves back.
  [[nodiscard]] virtual Status release_through(Seq seq) = 0;

  /// What the server says now.
  [[nodiscard]] virtual Result<StreamState> state() = 0;
};

}  // namespace weir
