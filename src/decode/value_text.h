#pragma once

#include <cstdint>
#include <string_view>

#include "decode/reject_code.h"

namespace weir {

// How the text of a value becomes the value, for payloads, headers, subjects and defaults alike.
// kNone with the result set, or the fault.

/// "YYYY-MM-DD" -> days since 1970-01-01, proleptic Gregorian. kBadDate: not a date. kOutOfRange: outside of 1900-01-01
/// to 2299-12-31, all that ClickHouse's Date32 holds.
[[nodiscard]] RejectCode parse_date(std::string_view text, int32_t* days);

/// RFC 3339, section 5.6, with 'T' or ' ' between date and time and a zone, "Z" or "+hh:mm" -> microseconds since
/// 1970-01-01 UTC. kBadTimestamp: anything else, a leap second, a digit but 0 behind the microseconds. kOutOfRange: outside
/// of the years 1900 to 2299 (UTC), all that ClickHouse's DateTime64(6) holds.
[[nodiscard]] RejectCode parse_timestamp(std::string_view text, int64_t* micros);

inline constexpr size_t kUuidBytes = 36;

/// 8-4-4-4-12 hexadecimal digits -> the same in lower case, kUuidBytes bytes at `uuid`. kBadUuid.
[[nodiscard]] RejectCode parse_uuid(std::string_view text, char* uuid);

/// Bytes that decode_base64 writes at most.
[[nodiscard]] constexpr size_t base64_bytes_max(size_t text_size) { return text_size / 4 * 3; }

/// RFC 4648, section 4: standard alphabet, padded, nothing else -> bytes at `out`, their number in *size. kBadBase64,
/// also when bits that the padding drops are not 0.
[[nodiscard]] RejectCode decode_base64(std::string_view text, char* out, size_t* size);

}  // namespace weir
