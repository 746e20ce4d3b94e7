#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::trino {

/// `name` in double quotes, as Trino reads it back to exactly this name.
[[nodiscard]] std::string quote_identifier(std::string_view name);

/// 'text' with its quotes doubled; U&'..' where it holds control characters.
[[nodiscard]] std::string quote_string(std::string_view text);

/// "catalog"."schema"."name"
[[nodiscard]] std::string qualified(std::string_view catalog, std::string_view schema, std::string_view name);

/// TIMESTAMP '2026-01-31 06:00:00.000 UTC': `time_us` (microseconds since 1970 UTC), cut to milliseconds.
[[nodiscard]] std::string timestamp_literal(int64_t time_us);

}  // namespace weir::trino
