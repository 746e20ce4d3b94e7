#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace weir {

// memcmp and memcpy for what keys and most values are: a few bytes of a length known only at run time. For those a call
// costs more than the work. Both touch exactly `size` bytes at either side, by loads and stores that overlap.

namespace short_bytes {
template <typename Word>
[[nodiscard]] inline Word load(const char* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

template <typename Word>
[[nodiscard]] inline bool ends_equal(const char* a, const char* b, size_t size) {
  const size_t last = size - sizeof(Word);
  return ((load<Word>(a) ^ load<Word>(b)) | (load<Word>(a + last) ^ load<Word>(b + last))) == 0;
}

template <typename Word>
inline void copy_ends(char* to, const char* from, size_t size) {
  const size_t last = size - sizeof(Word);
  const Word head = load<Word>(from);
  const Word tail = load<Word>(from + last);
  std::memcpy(to, &head, sizeof(head));
  std::memcpy(to + last, &tail, sizeof(tail));
}
}  // namespace short_bytes

[[nodiscard]] inline bool equal_bytes(const char* a, const char* b, size_t size) {
  if (size > 16) return std::memcmp(a, b, size) == 0;
  if (size >= 8) return short_bytes::ends_equal<uint64_t>(a, b, size);
  if (size >= 4) return short_bytes::ends_equal<uint32_t>(a, b, size);
  if (size >= 2) return short_bytes::ends_equal<uint16_t>(a, b, size);
  return size == 0 || *a == *b;
}

/// Requires: the two do not overlap.
inline void copy_bytes(char* to, const char* from, size_t size) {
  if (size > 16) {
    std::memcpy(to, from, size);
  } else if (size >= 8) {
    short_bytes::copy_ends<uint64_t>(to, from, size);
  } else if (size >= 4) {
    short_bytes::copy_ends<uint32_t>(to, from, size);
  } else if (size >= 2) {
    short_bytes::copy_ends<uint16_t>(to, from, size);
  } else if (size == 1) {
    *to = *from;
  }
}

}  // namespace weir
