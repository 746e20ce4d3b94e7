#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir::backfill {

// Values as the JSON text that the decoder takes without losing anything (docs/formats/dead-letters.md).

/// `text` in quotes, escaped. Bytes that are no UTF-8 stay: the decoder refuses them.
void append_json_string(std::string_view text, std::string* json);

/// The shortest digits that give the same value again, always with a point or an exponent, so that no integer column
/// takes it by chance. NaN and infinities become strings, which no number column takes.
void append_json_float(double value, std::string* json);
void append_json_float(float value, std::string* json);

/// "YYYY-MM-DD" of days since 1970-01-01. Outside of the years 0 to 9999: a string that is no date.
void append_json_date(int64_t days, std::string* json);

/// RFC 3339 in UTC of `ticks` units since 1970-01-01, of which a second has `per_second` (1 to 10^9): with 6 digits, or 9
/// when less would lose something. Outside of the years 0 to 9999: a string that is no timestamp.
void append_json_timestamp(int64_t ticks, int64_t per_second, std::string* json);

/// "hh:mm:ss.ffffff" of `ticks` since midnight; 9 digits likewise.
void append_json_time(int64_t ticks, int64_t per_second, std::string* json);

/// Padded standard base64 in quotes.
void append_json_base64(std::string_view bytes, std::string* json);

/// 8-4-4-4-12 in quotes. Requires: 16 bytes.
void append_json_uuid(std::string_view bytes, std::string* json);

/// Whether `text` is one JSON value and nothing else.
[[nodiscard]] bool is_json(std::string_view text);

}  // namespace weir::backfill
