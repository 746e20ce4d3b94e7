#pragma once

#include <chrono>
#include <functional>

#include "base/ids.h"
#include "base/status.h"
#include "nats/stream_source.h"

namespace weir::nats {

/// Reads exactly `range` from a source that was sought to its beginning, and hands every piece of it to `take`, in order and without a
/// hole; the batch may reach over the piece. Ends early where `take` answers false, or with its error. Passing trouble is waited out.
/// kUnavailable: for `patience` nothing of the range came, though the stream holds it. kShuttingDown: `stopped`, which is asked
/// before every read.
[[nodiscard]] Status read_range(StreamSource& source, SeqRange range, std::chrono::seconds patience,
                                const std::function<bool()>& stopped,
                                const std::function<Result<bool>(const MessageBatch& batch, SeqRange piece)>& take);

}  // namespace weir::nats
