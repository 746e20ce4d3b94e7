#include "clickhouse/sql_text.h"

namespace weir::clickhouse {
namespace {

// The escapes that are the same in string literals, quoted identifiers and TSV fields.
std::string escaped(std::string_view text, char quote) {
  std::string result;
  result.reserve(text.size() + 2);
  for (const char c : text) {
    switch (c) {
      case '\\': result += "\\\\"; break;
      case '\n': result += "\\n"; break;
      case '\r': result += "\\r"; break;
      case '\t': result += "\\t"; break;
      case '\0': result += "\\0"; break;
      default:
        if (quote != '\0' && c == quote) result += '\\';
        result += c;
    }
  }
  return result;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

}  // namespace

std::string quote_identifier(std::string_view name) { return "`" + escaped(name, '`') + "`"; }

std::string quote_string(std::string_view text) { return "'" + escaped(text, '\'') + "'"; }

std::string escape_parameter(std::string_view value) { return escaped(value, '\0'); }

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string result;
  result.reserve(text.size() * 3 / 2);
  for (const char c : text) {
    if (is_unreserved(c)) {
      result += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    result += '%';
    result += kHex[byte >> 4];
    result += kHex[byte & 15];
  }
  return result;
}

}  // namespace weir::clickhouse
