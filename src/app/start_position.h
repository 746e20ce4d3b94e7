#pragma once

#include <cstdint>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "nats/connection.h"
#include "nats/jetstream_api.h"

namespace weir::app {

/// The stream sequence (without base) at which a new table begins. kInvalidArgument: the stream no longer has what
/// `start` asks for; the message says what it has.
[[nodiscard]] Result<int64_t> first_stream_sequence(const nats::Connection& connection, const nats::StreamInfo& stream,
                                                    const StartPosition& start);

}  // namespace weir::app
