#include "decode/json_string.h"

#include <algorithm>
#include <cstdint>

namespace weir {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The code unit of the four hexadecimal digits at `at`; -1 when they are none.
int32_t code_unit(std::string_view body, size_t at) {
  if (body.size() < at + 4) return -1;
  int32_t unit = 0;
  for (size_t i = at; i < at + 4; ++i) {
    const int digit = hex_digit(body[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

void append_utf8(int32_t code_point, std::string* out) {
  const auto put = [out](int32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

// Appends the character of the \u escape whose digits begin at *at, and moves *at behind it.
const char* append_unicode_escape(std::string_view body, size_t* at, std::string* out) {
  int32_t code_point = code_unit(body, *at);
  if (code_point < 0) return "\\u needs four hexadecimal digits";
  *at += 4;
  if (code_point >= 0xDC00 && code_point <= 0xDFFF) return "the second half of a surrogate pair stands alone";
  if (code_point >= 0xD800 && code_point <= 0xDBFF) {
    const bool followed = body.substr(*at).starts_with("\\u");
    const int32_t low = followed ? code_unit(body, *at + 2) : -1;
    if (low < 0xDC00 || low > 0xDFFF) return "the first half of a surrogate pair stands alone";
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (low - 0xDC00);
    *at += 6;
  }
  append_utf8(code_point, out);
  return nullptr;
}

}  // namespace

const char* unescape_json(std::string_view body, std::string* value) {
  value->clear();
  size_t at = 0;
  while (at < body.size()) {
    const size_t escape = std::min(body.find('\\', at), body.size());
    value->append(body.substr(at, escape - at));
    if (escape == body.size()) break;
    if (escape + 1 == body.size()) return "a backslash stands at the end of the string";
    at = escape + 2;
    switch (body[escape + 1]) {
      case '"': value->push_back('"'); break;
      case '\\': value->push_back('\\'); break;
      case '/': value->push_back('/'); break;
      case 'b': value->push_back('\b'); break;
      case 'f': value->push_back('\f'); break;
      case 'n': value->push_back('\n'); break;
      case 'r': value->push_back('\r'); break;
      case 't': value->push_back('\t'); break;
      case 'u':
        if (const char* fault = append_unicode_escape(body, &at, value); fault != nullptr) return fault;
        break;
      default: return "a backslash is followed by a character that cannot follow it";
    }
  }
  return nullptr;
}

void append_pointer_token(std::string_view key, std::string* pointer) {
  pointer->push_back('/');
  for (const char c : key) {
    if (c == '~') {
      pointer->append("~0");
    } else if (c == '/') {
      pointer->append("~1");
    } else {
      pointer->push_back(c);
    }
  }
}

std::string excerpt(std::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return std::string(text);
  size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

}  // namespace weir
