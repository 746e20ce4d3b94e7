#pragma once

#include <cstdint>
#include <string_view>

#include "decode/reject_code.h"

namespace weir {

__extension__ using Int128 = __int128;

/// A number as RFC 8259 spells it, taken apart but not yet converted: which type it has to fit is the column's matter.
/// Its value is (-1)^negative * digits * 10^exponent, exactly so if `exact`.
struct JsonNumber {
  std::string_view text;
  uint64_t digits = 0;       ///< The first 19 significant digits.
  int64_t exponent = 0;      ///< Saturates far outside of what any type holds.
  int digit_count = 0;       ///< How many digits `digits` has; 0 for zero.
  bool negative = false;
  bool integral = false;     ///< Written without point and exponent.
  bool exact = false;        ///< Every digit behind the first 19 is 0.
};

/// False when `text`, all of it, is not a JSON number.
[[nodiscard]] bool scan_json_number(std::string_view text, JsonNumber* number);

// Conversions: kNone with *value set, or the fault with *value untouched.

/// Only what is written as an integer: 1.0 and 1e3 are kWrongType. kOutOfRange when T cannot hold it.
template <typename T>
[[nodiscard]] RejectCode to_integer(const JsonNumber& number, T* value);

/// The nearest T (float or double), ties to even; below the smallest it is zero. kOutOfRange instead of an infinity.
template <typename T>
[[nodiscard]] RejectCode to_float(const JsonNumber& number, T* value);

/// The value times 10^scale, exactly. kBadDecimal when a digit further behind the point than `scale` is not 0;
/// kOutOfRange when more than `precision` digits are needed. Requires: 1 <= precision <= 38, 0 <= scale <= precision.
[[nodiscard]] RejectCode to_decimal(const JsonNumber& number, int precision, int scale, Int128* value);

}  // namespace weir
