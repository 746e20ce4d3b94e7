#include "decode/json_number.h"

#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

namespace weir {
namespace {

constexpr int kDigitsMax = 19;  // Any number of 19 digits fits into uint64_t.
// Beyond any exponent that leads to a value but 0 or out of range, digits of the longest payload included.
constexpr int64_t kExponentMax = int64_t{1} << 40;

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// Collects significant digits; what does not fit is remembered in `exponent` and `exact` only.
class DigitCollector {
 public:
  explicit DigitCollector(JsonNumber* number) : number_(*number) { number_.exact = true; }

  void integer_digit(char c) {
    if (!take(c)) ++number_.exponent;
  }
  void fraction_digit(char c) {
    if (take(c)) --number_.exponent;
  }

 private:
  // False when the digit was left out behind the 19 that fit.
  bool take(char c) {
    if (number_.digit_count == kDigitsMax) {
      if (c != '0') number_.exact = false;
      return false;
    }
    number_.digits = number_.digits * 10 + static_cast<uint64_t>(c - '0');
    if (number_.digits != 0) ++number_.digit_count;
    return true;
  }

  JsonNumber& number_;
};

// Reads the exponent behind 'e'; false when it is none.
bool scan_exponent(const char*& at, const char* end, int64_t* exponent) {
  const bool negative = at != end && *at == '-';
  if (at != end && (*at == '-' || *at == '+')) ++at;
  if (at == end || !is_digit(*at)) return false;
  int64_t value = 0;
  for (; at != end && is_digit(*at); ++at) {
    if (value < kExponentMax) value = value * 10 + (*at - '0');
  }
  *exponent = negative ? -value : value;
  return true;
}

template <typename T>
constexpr auto powers_of_ten() {
  // The powers of ten that T holds exactly: 5^n must fit into its digits.
  std::array<T, std::is_same_v<T, double> ? 23 : 11> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}

constexpr auto kPowersOfTen128 = [] {
  std::array<Int128, 39> powers{1};
  for (size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
  return powers;
}();

// The significant digits of a number's text, from the first to the last that is not 0.
struct SignificantDigits {
  Int128 value = 0;    // Meaningless with more than 38 digits.
  int64_t first = 0;   // Power of ten of the first and of the last digit.
  int64_t last = 0;
};

// Requires: the number is not zero.
SignificantDigits significant_digits(const JsonNumber& number) {
  SignificantDigits result;
  int64_t power = 0;  // Of the digit read last, as if the point stood behind it.
  int64_t digits = 0;
  int64_t point = -1;
  for (const char c : number.text) {
    if (c == 'e' || c == 'E') break;
    if (c == '.') point = digits;
    if (is_digit(c)) ++digits;
  }
  if (point < 0) point = digits;
  int64_t explicit_exponent = 0;
  if (const size_t e = number.text.find_first_of("eE"); e != std::string_view::npos) {
    const char* at = number.text.data() + e + 1;
    (void)scan_exponent(at, number.text.data() + number.text.size(), &explicit_exponent);
  }
  power = point + explicit_exponent;
  int64_t pending_zeros = 0;
  bool started = false;
  for (const char c : number.text) {
    if (c == 'e' || c == 'E') break;
    if (!is_digit(c)) continue;
    --power;
    if (c == '0') {
      if (started) ++pending_zeros;
      continue;
    }
    if (!started) result.first = power;
    started = true;
    result.last = power;
    if (result.first - power >= 38) continue;
    for (; pending_zeros > 0; --pending_zeros) result.value *= 10;
    result.value = result.value * 10 + (c - '0');
  }
  return result;
}

}  // namespace

bool scan_json_number(std::string_view text, JsonNumber* number) {
  *number = JsonNumber{.text = text};
  DigitCollector digits(number);
  const char* at = text.data();
  const char* const end = at + text.size();
  if (at != end && *at == '-') {
    number->negative = true;
    ++at;
  }
  if (at == end || !is_digit(*at)) return false;
  if (*at == '0') {
    ++at;
  } else {
    for (; at != end && is_digit(*at); ++at) digits.integer_digit(*at);
  }
  number->integral = at == end;
  if (at != end && *at == '.') {
    ++at;
    if (at == end || !is_digit(*at)) return false;
    for (; at != end && is_digit(*at); ++at) digits.fraction_digit(*at);
  }
  if (at != end && (*at == 'e' || *at == 'E')) {
    ++at;
    int64_t exponent = 0;
    if (!scan_exponent(at, end, &exponent)) return false;
    number->exponent += exponent;
  }
  return at == end;
}

template <typename T>
RejectCode to_integer(const JsonNumber& number, T* value) {
  if (!number.integral) return RejectCode::kWrongType;
  uint64_t magnitude = number.digits;
  if (number.exponent != 0) {  // More than 19 digits: only some of 20 digits fit into uint64_t.
    const std::string_view digits = number.text.substr(number.negative ? 1 : 0);
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude);
    if (failure != std::errc()) return RejectCode::kOutOfRange;
  }
  constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<T>::max());
  const uint64_t limit = !number.negative ? kMax : std::is_signed_v<T> ? kMax + 1 : 0;
  if (magnitude > limit) return RejectCode::kOutOfRange;
  *value = static_cast<T>(number.negative ? 0 - magnitude : magnitude);
  return RejectCode::kNone;
}

template RejectCode to_integer(const JsonNumber&, int8_t*);
template RejectCode to_integer(const JsonNumber&, int16_t*);
template RejectCode to_integer(const JsonNumber&, int32_t*);
template RejectCode to_integer(const JsonNumber&, int64_t*);
template RejectCode to_integer(const JsonNumber&, uint8_t*);
template RejectCode to_integer(const JsonNumber&, uint16_t*);
template RejectCode to_integer(const JsonNumber&, uint32_t*);
template RejectCode to_integer(const JsonNumber&, uint64_t*);

template <typename T>
RejectCode to_float(const JsonNumber& number, T* value) {
  static constexpr auto kPowers = powers_of_ten<T>();
  constexpr auto kExponentExact = static_cast<int64_t>(kPowers.size()) - 1;
  constexpr uint64_t kDigitsExact = uint64_t{1} << std::numeric_limits<T>::digits;
  // Both operands are exact here, so the one operation rounds once, which is the correctly rounded value.
  if (number.exact && number.digits <= kDigitsExact && number.exponent >= -kExponentExact &&
      number.exponent <= kExponentExact) {
    const T digits = static_cast<T>(number.digits);
    const T magnitude = number.exponent < 0 ? digits / kPowers[static_cast<size_t>(-number.exponent)]
                                            : digits * kPowers[static_cast<size_t>(number.exponent)];
    *value = number.negative ? -magnitude : magnitude;
    return RejectCode::kNone;
  }
  const char* const begin = number.text.data();
  const auto [stop, failure] = std::from_chars(begin, begin + number.text.size(), *value);
  if (failure == std::errc()) return RejectCode::kNone;
  if (number.digit_count > 0 && number.exponent + number.digit_count > 0) return RejectCode::kOutOfRange;
  *value = number.negative ? -T{0} : T{0};
  return RejectCode::kNone;
}

template RejectCode to_float(const JsonNumber&, float*);
template RejectCode to_float(const JsonNumber&, double*);

RejectCode to_decimal(const JsonNumber& number, int precision, int scale, Int128* value) {
  Int128 magnitude = 0;
  const int64_t shift = number.exponent + scale;
  if (number.digits == 0) {
    magnitude = 0;
  } else if (number.exact && shift >= 0 && number.digit_count + shift <= precision) {
    magnitude = static_cast<Int128>(number.digits) * kPowersOfTen128[static_cast<size_t>(shift)];
  } else {
    const SignificantDigits digits = significant_digits(number);
    if (digits.last < -scale) return RejectCode::kBadDecimal;
    if (digits.first + 1 + scale > precision) return RejectCode::kOutOfRange;
    magnitude = digits.value * kPowersOfTen128[static_cast<size_t>(digits.last + scale)];
  }
  *value = number.negative ? -magnitude : magnitude;
  return RejectCode::kNone;
}

}  // namespace weir
