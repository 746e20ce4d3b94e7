#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

/// "100ms", "1s", "5m", "2h", "30d": a whole number and one unit. kInvalidArgument says what is wrong and how to write
/// it.
[[nodiscard]] Result<std::chrono::milliseconds> parse_duration(std::string_view text);

/// "512B", "64KiB", "128MiB", "1GiB", "2TiB": bytes, units of 1024. kInvalidArgument as above.
[[nodiscard]] Result<int64_t> parse_size(std::string_view text);

/// An RFC 3339 time with zone, "2026-01-31T06:00:00Z" or "...+01:00", as microseconds since 1970 UTC.
/// kInvalidArgument: not of that form, not a day of the calendar, or finer than a microsecond.
[[nodiscard]] Result<int64_t> parse_rfc3339_us(std::string_view text);

}  // namespace weir
