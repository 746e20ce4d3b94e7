#include "trino/sql_text.h"

#include <chrono>
#include <cstdio>

namespace weir::trino {
namespace {

std::string doubled(std::string_view text, char quote) {
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote) out += quote;
    out += c;
  }
  return out + quote;
}

// U&'..': \XXXX is a character, \\ a backslash.
std::string escaped_string(std::string_view text) {
  std::string out = "U&'";
  for (const char c : text) {
    if (c == '\\' || c == '\'') out += c;
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      char code[8];
      std::snprintf(code, sizeof code, "\\%04X", static_cast<unsigned char>(c));
      out += code;
    } else {
      out += c;
    }
  }
  return out + "'";
}

}  // namespace

std::string quote_identifier(std::string_view name) { return doubled(name, '"'); }

std::string quote_string(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return escaped_string(text);
  }
  return doubled(text, '\'');
}

std::string qualified(std::string_view catalog, std::string_view schema, std::string_view name) {
  return quote_identifier(catalog) + "." + quote_identifier(schema) + "." + quote_identifier(name);
}

std::string timestamp_literal(int64_t time_us) {
  using std::chrono::floor;
  const std::chrono::sys_time<std::chrono::microseconds> time{std::chrono::microseconds(time_us)};
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(floor<std::chrono::milliseconds>(time) - day);
  char text[64];
  std::snprintf(text, sizeof text, "TIMESTAMP '%04d-%02u-%02u %02d:%02d:%02d.%03d UTC'", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
  return text;
}

}  // namespace weir::trino
