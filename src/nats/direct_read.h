#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "nats/jetstream_api.h"
#include "nats/message_chunk.h"
#include "nats/source_options.h"

namespace weir::nats {

/// The events of one shard right after `position`, each sequence asked of the stream itself: slow, and right where a
/// consumer cannot be trusted. Covers at most `sequences_max` sequences and not more than options.chunk_bytes of events
/// (the last may exceed it); empty at the stream's end. A sequence without a message is a hole.
/// kUnavailable when the stream is not of the life `created_us` any more, or began after the position meanwhile: seek
/// again.
[[nodiscard]] Result<std::shared_ptr<MessageChunk>> read_sequences(const JetStreamApi& api,
                                                                   const SourceOptions& options, int64_t created_us,
                                                                   Seq position, int32_t sequences_max);

}  // namespace weir::nats
