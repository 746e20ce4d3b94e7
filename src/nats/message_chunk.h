#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "nats/connection.h"
#include "ports/event_source.h"

namespace weir::nats {

/// Consecutive messages as they came from the server, with the range they are proven to cover. Owns the client
/// library's messages; the payloads are never copied. Built by one thread, immutable afterwards.
class MessageChunk {
 public:
  /// Starts right after `position`: the chunk covers nothing yet.
  explicit MessageChunk(Seq position) : range_{position + 1, position} {}

  /// Takes a message over. Requires: seq > range().last.
  void add(MsgPtr message, Seq seq, int64_t time_us);

  /// The chunk covers up to `seq` and holds no event for us between its last message and there.
  void extend_to(Seq seq) { range_.last = seq; }

  /// Forgets the messages from `index` on; the chunk then covers up to `last`.
  void truncate(size_t index, Seq last);

  [[nodiscard]] SeqRange range() const { return range_; }
  [[nodiscard]] const std::vector<Message>& messages() const { return messages_; }
  [[nodiscard]] int64_t bytes() const { return bytes_; }

 private:
  SeqRange range_;
  std::vector<Message> messages_;
  std::vector<MsgPtr> owned_;
  std::deque<std::string> headers_;  // a deque: views into it stay valid while it grows
  int64_t bytes_ = 0;
};

/// What one message costs in memory: payload, headers, subject, and the library's and our own record of it.
[[nodiscard]] int64_t message_bytes(const Message& message);

/// The headers as "Name: value\r\n" lines, names sorted; empty without headers, or when they are malformed (then the
/// event is judged by its payload alone).
[[nodiscard]] std::string header_lines(natsMsg& message);

}  // namespace weir::nats
