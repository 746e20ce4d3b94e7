#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/status.h"
#include "nats/jetstream_api.h"
#include "ports/event_source.h"

namespace weir::nats {

/// What the stream holds now at the sequence whose stored time we know.
struct TimeAtPosition {
  enum class Kind { kUnknown, kGone, kKnown } kind = Kind::kUnknown;
  int64_t time_us = 0;
};

/// Decides whether reading may go on at `first` (stream sequence): kDataLoss when the stream was re-created, rolled
/// back, purged or trimmed past us. The message names the missing range with `base` added, the reason and
/// `--accept-gap`. `known` is what we know of the stream we read so far; empty for a first read. Pure.
[[nodiscard]] Status check_identity(const StreamInfo& now, int64_t first, int64_t base,
                                    const std::optional<StreamIdentity>& known, const TimeAtPosition& at_position);

/// kDataLoss: the stream that was read up to `position` does not exist any more. Pure.
[[nodiscard]] Status lost_with_its_stream(const std::string& stream, Seq position);

/// kDataLoss for the sequences first..now.first_seq - 1, which the stream removed before they were read. Pure.
[[nodiscard]] Status lost_to_trimming(const StreamInfo& now, int64_t first, int64_t base);

}  // namespace weir::nats
