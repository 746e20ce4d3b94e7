#include "decode/value_text.h"

#include <algorithm>
#include <array>

namespace weir {
namespace {

constexpr int64_t kMicrosPerSecond = 1'000'000;
constexpr int64_t kSecondsPerDay = 86'400;

// Days since 1970-01-01. Counts years from March, so that the leap day is the last day of a year; 400 years are one era
// of 146,097 days.
constexpr int32_t days_from_civil(int year, int month, int day) {
  const int shifted_year = month <= 2 ? year - 1 : year;
  const int era = shifted_year / 400;
  const int year_of_era = shifted_year - era * 400;
  const int month_from_march = month <= 2 ? month + 9 : month - 3;
  const int day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  const int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

constexpr int32_t kFirstDay = days_from_civil(1900, 1, 1);
constexpr int32_t kLastDay = days_from_civil(2299, 12, 31);

constexpr int days_in_month(int year, int month) {
  constexpr std::array<int, 13> kDays{0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[static_cast<size_t>(month)];
}

bool is_digit(char c) { return static_cast<unsigned char>(c - '0') <= 9; }

// The two digits at `at`; -1 when they are none.
int two_digits(const char* at) {
  if (!is_digit(at[0]) || !is_digit(at[1])) return -1;
  return (at[0] - '0') * 10 + (at[1] - '0');
}

// Days of the "YYYY-MM-DD" at `at`, any year from 0 to 9999; false when it is no date. Requires: 10 bytes.
bool read_date(const char* at, int32_t* days) {
  const int century = two_digits(at);
  const int year_of_century = two_digits(at + 2);
  const int month = two_digits(at + 5);
  const int day = two_digits(at + 8);
  if (century < 0 || year_of_century < 0 || at[4] != '-' || at[7] != '-') return false;
  const int year = century * 100 + year_of_century;
  if (month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return false;
  // January and February of year 0 belong to the shifted year -1, which days_from_civil does not take; both are far
  // before what the stores hold.
  *days = days_from_civil(year < 1 ? 1 : year, month, day);
  return true;
}

// Reads ".123" at *at into microseconds and moves *at behind it. False when a digit would be lost, or none is there.
bool read_fraction(const char** at, const char* end, int64_t* micros) {
  const char* const begin = *at + 1;
  const char* digit = begin;
  int64_t value = 0;
  for (; digit != end && is_digit(*digit); ++digit) {
    if (digit - begin < 6) {
      value = value * 10 + (*digit - '0');
    } else if (*digit != '0') {
      return false;
    }
  }
  if (digit == begin) return false;
  for (auto missing = 6 - (digit - begin); missing > 0; --missing) value *= 10;
  *micros = value;
  *at = digit;
  return true;
}

// Seconds east of UTC of the zone that `at` to `end` is; false when it is none.
bool read_zone(const char* at, const char* end, int64_t* seconds) {
  if (end - at == 1 && *at == 'Z') {
    *seconds = 0;
    return true;
  }
  if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':') return false;
  const int hours = two_digits(at + 1);
  const int minutes = two_digits(at + 4);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return false;
  *seconds = (*at == '-' ? -1 : 1) * (hours * 3'600 + minutes * 60);
  return true;
}

constexpr std::array<int8_t, 256> kBase64Values = [] {
  std::array<int8_t, 256> values{};
  values.fill(-1);
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < kAlphabet.size(); ++i) values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
  return values;
}();

int base64_value(char c) { return kBase64Values[static_cast<unsigned char>(c)]; }

}  // namespace

RejectCode parse_date(std::string_view text, int32_t* days) {
  int32_t value = 0;
  if (text.size() != 10 || !read_date(text.data(), &value)) return RejectCode::kBadDate;
  if (value < kFirstDay || value > kLastDay) return RejectCode::kOutOfRange;
  *days = value;
  return RejectCode::kNone;
}

RejectCode parse_timestamp(std::string_view text, int64_t* micros) {
  constexpr size_t kShortest = std::string_view("2000-01-01T00:00:00Z").size();
  if (text.size() < kShortest) return RejectCode::kBadTimestamp;
  const char* at = text.data();
  const char* const end = at + text.size();
  int32_t days = 0;
  if (!read_date(at, &days) || (at[10] != 'T' && at[10] != ' ')) return RejectCode::kBadTimestamp;
  const int hour = two_digits(at + 11);
  const int minute = two_digits(at + 14);
  const int second = two_digits(at + 17);
  if (at[13] != ':' || at[16] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) {
    return RejectCode::kBadTimestamp;
  }
  at += 19;
  int64_t fraction = 0;
  int64_t zone_seconds = 0;
  if (*at == '.' && !read_fraction(&at, end, &fraction)) return RejectCode::kBadTimestamp;
  if (!read_zone(at, end, &zone_seconds)) return RejectCode::kBadTimestamp;
  const int64_t seconds = days * kSecondsPerDay + hour * 3'600 + minute * 60 + second - zone_seconds;
  if (seconds < kFirstDay * kSecondsPerDay || seconds >= (kLastDay + 1) * kSecondsPerDay) return RejectCode::kOutOfRange;
  *micros = seconds * kMicrosPerSecond + fraction;
  return RejectCode::kNone;
}

RejectCode parse_uuid(std::string_view text, char* uuid) {
  if (text.size() != kUuidBytes) return RejectCode::kBadUuid;
  std::array<char, kUuidBytes> lower{};
  for (size_t i = 0; i < kUuidBytes; ++i) {
    const char c = text[i];
    const bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen ? c == '-' : is_digit(c) || (c >= 'a' && c <= 'f')) {
      lower[i] = c;
    } else if (!hyphen && c >= 'A' && c <= 'F') {
      lower[i] = static_cast<char>(c - 'A' + 'a');
    } else {
      return RejectCode::kBadUuid;
    }
  }
  std::copy(lower.begin(), lower.end(), uuid);
  return RejectCode::kNone;
}

RejectCode decode_base64(std::string_view text, char* out, size_t* size) {
  if (text.size() % 4 != 0) return RejectCode::kBadBase64;
  size_t padding = 0;
  if (text.ends_with("==")) {
    padding = 2;
  } else if (text.ends_with('=')) {
    padding = 1;
  }
  char* to = out;
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const size_t letters = last ? 4 - padding : 4;
    uint32_t bits = 0;
    for (size_t j = 0; j < 4; ++j) {
      const int value = j < letters ? base64_value(text[i + j]) : 0;
      if (value < 0) return RejectCode::kBadBase64;
      bits = bits << 6 | static_cast<uint32_t>(value);
    }
    const size_t bytes = letters - 1;
    if (bytes < 3 && (bits & (0xFFFFFFU >> (8 * bytes))) != 0) return RejectCode::kBadBase64;
    for (size_t j = 0; j < bytes; ++j) *to++ = static_cast<char>(bits >> (16 - 8 * j) & 0xFF);
  }
  *size = static_cast<size_t>(to - out);
  return RejectCode::kNone;
}

}  // namespace weir
