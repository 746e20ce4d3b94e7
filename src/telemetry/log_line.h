#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "telemetry/log.h"

namespace weir {

[[nodiscard]] std::string_view to_string(LogLevel level);

/// One line without its end. Control characters, quotes and invalid UTF-8 in values are escaped, so that what an event
/// or a peer says can never look like a line of ours. `time_us`: microseconds since 1970 UTC.
[[nodiscard]] std::string format_log_line(LogFormat format, int64_t time_us, LogLevel level, std::string_view message,
                                          std::initializer_list<LogField> fields);

}  // namespace weir
