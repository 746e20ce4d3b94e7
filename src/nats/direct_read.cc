#include "nats/direct_read.h"

#include <algorithm>

#include "nats/event_filter.h"
#include "nats/subject_match.h"

namespace weir::nats {
namespace {

bool is_ours(const SourceOptions& options, const EventFilter& filter, std::string_view subject) {
  const auto matches = [&](const std::string& pattern) { return subject_matches(pattern, subject); };
  const auto& patterns = options.subjects;
  return (patterns.empty() || std::any_of(patterns.begin(), patterns.end(), matches)) && filter.wants(subject);
}

}  // namespace

Result<std::shared_ptr<MessageChunk>> read_sequences(const JetStreamApi& api, const SourceOptions& options,
                                                     int64_t created_us, Seq position, int32_t sequences_max) {
  const EventFilter filter(options.subjects, options.shard, options.shards);
  WEIR_ASSIGN_OR_RETURN(const StreamInfo before, api.stream_info(options.stream));
  const int64_t first = position.value + 1 - options.base;
  const int64_t last = std::min(before.last_seq, first + sequences_max - 1);
  auto chunk = std::make_shared<MessageChunk>(position);
  for (int64_t seq = first; seq <= last && chunk->bytes() < options.chunk_bytes; ++seq) {
    auto stored = api.message_at(options.stream, seq);
    if (!stored.ok() && stored.status().code() != StatusCode::kNotFound) return stored.status();
    if (stored.ok() && is_ours(options, filter, natsMsg_GetSubject(stored->message.get()))) {
      const int64_t time_us = stored->time_us;
      chunk->add(std::move(stored->message), Seq{seq + options.base}, time_us);
    } else {
      chunk->extend_to(Seq{seq + options.base});
    }
  }
  WEIR_ASSIGN_OR_RETURN(const StreamInfo after, api.stream_info(options.stream));
  if (after.created_us != created_us || after.first_seq > first) {
    return unavailable("stream " + options.stream + " changed while its sequences were read one by one");
  }
  return chunk;
}

}  // namespace weir::nats
