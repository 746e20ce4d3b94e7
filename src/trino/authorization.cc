#include "trino/authorization.h"

#include <algorithm>
#include <cstdint>

namespace weir::trino {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    for (size_t j = 0; j < 4; ++j) text += j <= count ? kDigits[group >> (18 - 6 * j) & 63] : '=';
  }
  return text;
}

// Trino reads Basic credentials as ISO 8859-1. Characters that it has not are sent as they are, and refused by the server.
std::string latin1(const std::string& utf8) {
  std::string out;
  for (size_t i = 0; i < utf8.size(); ++i) {
    const auto lead = static_cast<unsigned char>(utf8[i]);
    if (lead >= 0x80) {
      if ((lead & 0xFCU) != 0xC0 || i + 1 == utf8.size()) return utf8;
      out += static_cast<char>((lead & 3U) << 6 | (static_cast<unsigned char>(utf8[++i]) & 0x3FU));
    } else {
      out += utf8[i];
    }
  }
  return out;
}

}  // namespace

bool fits_header(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

Status check_options(const Options& options) {
  const bool secure = options.url.starts_with("https://");
  if (!secure && !options.url.starts_with("http://")) {
    return invalid_argument("trino.url \"" + options.url + "\": must begin with http:// or https://");
  }
  if (!secure && !(options.password.empty() && options.jwt.empty())) {
    return invalid_argument("trino: a password or token would be sent in the clear; it needs an https:// url");
  }
  if (!options.password.empty() && !options.jwt.empty()) {
    return invalid_argument("trino: give a password or a token, not both");
  }
  if (options.user.empty()) return invalid_argument("trino.user must not be empty");
  if (!options.password.empty() && options.user.find(':') != std::string::npos) {
    return invalid_argument("trino.user must not contain ':' when there is a password");
  }
  for (const std::string* text : {&options.user, &options.password, &options.jwt, &options.source}) {
    if (!fits_header(*text)) return invalid_argument("trino: user, password or token contains a line break");
  }
  return ok_status();
}

std::string authorization_header(const Options& options) {
  if (!options.jwt.empty()) return "Authorization: Bearer " + options.jwt;
  if (options.password.empty()) return "";
  return "Authorization: Basic " + base64(latin1(options.user + ":" + options.password));
}

}  // namespace weir::trino
