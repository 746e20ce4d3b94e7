#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace weir::nats {

/// What the server says about a delivered message, in its reply subject.
struct AckReply {
  uint64_t delivered = 0;  ///< 1 on first delivery.
  uint64_t stream_seq = 0;
  uint64_t consumer_seq = 0;  ///< Counts deliveries of the consumer: 1, 2, 3, ...
  int64_t time_ns = 0;        ///< When the message was stored, since 1970-01-01 UTC.
  uint64_t pending = 0;       ///< Matching messages after this one when it was sent.
};

/// Reads both forms, without allocation (ADR-15 of the NATS architecture repository):
///   $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>
///   $JS.ACK.<domain>.<account>.<stream>.<consumer>.<delivered>.<...>.<pending>[.<token>]
/// Empty when `reply` is neither: the message did not come from a JetStream consumer.
[[nodiscard]] std::optional<AckReply> parse_ack_reply(std::string_view reply);

}  // namespace weir::nats
