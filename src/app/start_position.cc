#include "app/start_position.h"

#include <algorithm>

namespace weir::app {
namespace {

// Stored times grow with sequences, so the first message at or after a time is found by halving. Deleted messages are
// stepped over to the next one that is there.
Result<int64_t> first_at_or_after(const nats::JetStreamApi& api, const nats::StreamInfo& stream, int64_t time_us) {
  int64_t low = stream.first_seq;
  int64_t high = stream.last_seq + 1;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    WEIR_ASSIGN_OR_RETURN(const int64_t found, api.next_matching(stream.name, middle, ">"));
    if (found == 0) {
      high = middle;
      continue;
    }
    WEIR_ASSIGN_OR_RETURN(const auto message, api.message_at(stream.name, found));
    if (message.time_us >= time_us) {
      high = middle;
    } else {
      low = found + 1;
    }
  }
  return low;
}

}  // namespace

Result<int64_t> first_stream_sequence(const nats::Connection& connection, const nats::StreamInfo& stream,
                                      const StartPosition& start) {
  switch (start.kind) {
    case StartPosition::Kind::kFirst: return std::max<int64_t>(1, stream.first_seq);
    case StartPosition::Kind::kNew: return stream.last_seq + 1;
    case StartPosition::Kind::kSequence:
      if (start.sequence < stream.first_seq) {
        return invalid_argument("start = " + std::to_string(start.sequence) + ", but stream " + stream.name +
                                " begins at " + std::to_string(stream.first_seq) + ": use that, or \"first\"");
      }
      return start.sequence;
    case StartPosition::Kind::kTime: {
      WEIR_ASSIGN_OR_RETURN(const auto api, nats::JetStreamApi::open(connection));
      return first_at_or_after(api, stream, start.time_us);
    }
  }
  return internal_error("unknown start");
}

}  // namespace weir::app
