#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "decode/short_bytes.h"

namespace weir {

/// True when `body`, the bytes between a string's quotes, has a backslash.
[[nodiscard]] inline bool has_escape(std::string_view body) {
  // Eight bytes at a time and inline: most strings are shorter than what a call to memchr costs.
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  const auto block_has = [](const char* at) {
    const uint64_t block = short_bytes::load<uint64_t>(at) ^ (kOnes * '\\');
    return ((block - kOnes) & ~block & kHighs) != 0;
  };
  if (body.size() < 8) {
    bool found = false;
    for (const char c : body) found |= c == '\\';
    return found;
  }
  for (size_t i = 0; i + 8 <= body.size(); i += 8) {
    if (block_has(body.data() + i)) return true;
  }
  return block_has(body.data() + body.size() - 8);
}

/// Sets *value to what `body` stands for. Null, or what is wrong with an escape; \u escapes must pair up, because half a
/// surrogate pair is no character. Requires: body is UTF-8 without bare quotes and control characters.
[[nodiscard]] const char* unescape_json(std::string_view body, std::string* value);

/// `key` as one token of a JSON Pointer, with its slash: "/a~1b".
void append_pointer_token(std::string_view key, std::string* pointer);

/// At most `bytes_max` bytes of `text`, cut between characters and marked with "..." when shortened. Requires: UTF-8.
[[nodiscard]] std::string excerpt(std::string_view text, size_t bytes_max);

}  // namespace weir
