#include "backfill/file_json_text.h"

#include <arrow/util/base64.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

namespace weir::backfill {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
constexpr std::string_view kHex = "0123456789abcdef";

int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

template <typename... Numbers>
void append_format(std::string* json, const char* format, Numbers... numbers) {
  std::array<char, 64> text{};
  const int size = std::snprintf(text.data(), text.size(), format, numbers...);
  json->append(text.data(), static_cast<size_t>(size));
}

template <typename Float>
void append_float(Float value, std::string* json) {
  if (std::isnan(value)) {
    json->append("\"NaN\"");
  } else if (std::isinf(value)) {
    json->append(value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
  } else {
    std::array<char, 40> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
    const std::string_view digits(text.data(), static_cast<size_t>(end - text.data()));
    json->append(digits);
    if (digits.find_first_of(".e") == std::string_view::npos) json->append(".0");
  }
}

// "YYYY-MM-DD"; false outside of the years that have four digits.
bool append_civil_date(int64_t days, std::string* json) {
  constexpr int64_t kFirst = -719'528;  // 0000-01-01
  constexpr int64_t kLast = 2'932'896;  // 9999-12-31
  if (days < kFirst || days > kLast) return false;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  append_format(json, "%04d-%02u-%02u", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()));
  return true;
}

// "hh:mm:ss.ffffff" of a time of day.
void append_clock(int64_t seconds, int64_t fraction, int64_t per_second, std::string* json) {
  append_format(json, "%02d:%02d:%02d", static_cast<int>(seconds / 3600), static_cast<int>(seconds / 60 % 60),
                static_cast<int>(seconds % 60));
  const int64_t nanos = fraction * (1'000'000'000 / per_second);
  if (nanos % 1'000 == 0) {
    append_format(json, ".%06d", static_cast<int>(nanos / 1'000));
  } else {
    append_format(json, ".%09d", static_cast<int>(nanos));
  }
}

}  // namespace

void append_json_string(std::string_view text, std::string* json) {
  json->push_back('"');
  size_t plain = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    json->append(text.substr(plain, i - plain));
    plain = i + 1;
    switch (c) {
      case '"': json->append("\\\""); break;
      case '\\': json->append("\\\\"); break;
      case '\n': json->append("\\n"); break;
      case '\r': json->append("\\r"); break;
      case '\t': json->append("\\t"); break;
      default:
        json->append("\\u00");
        json->push_back(kHex[c >> 4]);
        json->push_back(kHex[c & 15]);
    }
  }
  json->append(text.substr(plain));
  json->push_back('"');
}

void append_json_float(double value, std::string* json) { append_float(value, json); }
void append_json_float(float value, std::string* json) { append_float(value, json); }

void append_json_date(int64_t days, std::string* json) {
  json->push_back('"');
  if (!append_civil_date(days, json)) json->append("day ").append(std::to_string(days));
  json->push_back('"');
}

void append_json_timestamp(int64_t ticks, int64_t per_second, std::string* json) {
  const int64_t seconds = floor_div(ticks, per_second);
  const int64_t days = floor_div(seconds, kSecondsPerDay);
  json->push_back('"');
  if (append_civil_date(days, json)) {
    json->push_back('T');
    append_clock(seconds - days * kSecondsPerDay, ticks - seconds * per_second, per_second, json);
    json->push_back('Z');
  } else {
    json->append("second ").append(std::to_string(seconds));
  }
  json->push_back('"');
}

void append_json_time(int64_t ticks, int64_t per_second, std::string* json) {
  json->push_back('"');
  append_clock(ticks / per_second, ticks % per_second, per_second, json);
  json->push_back('"');
}

void append_json_base64(std::string_view bytes, std::string* json) {
  json->push_back('"');
  json->append(arrow::util::base64_encode(bytes));
  json->push_back('"');
}

void append_json_uuid(std::string_view bytes, std::string* json) {
  json->push_back('"');
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) json->push_back('-');
    const auto byte = static_cast<unsigned char>(bytes[i]);
    json->push_back(kHex[byte >> 4]);
    json->push_back(kHex[byte & 15]);
  }
  json->push_back('"');
}

bool is_json(std::string_view text) { return nlohmann::json::accept(text.begin(), text.end()); }

}  // namespace weir::backfill
