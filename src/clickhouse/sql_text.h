#pragma once

#include <string>
#include <string_view>

namespace weir::clickhouse {

/// `name` in backticks, as ClickHouse reads it back to exactly this name.
[[nodiscard]] std::string quote_identifier(std::string_view name);

/// 'text' with everything escaped that could end or change the literal.
[[nodiscard]] std::string quote_string(std::string_view text);

/// Value of a query parameter (`param_x`): ClickHouse reads these as TSV fields, so backslash, tab and newline are
/// escaped.
[[nodiscard]] std::string escape_parameter(std::string_view value);

/// Percent-encoding of everything but unreserved characters (RFC 3986).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace weir::clickhouse
