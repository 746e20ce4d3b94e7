#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "backfill/file_batch.h"

namespace weir::backfill {

/// A row above limits.message_bytes is a dead letter like a message above it, but is never held as a whole.
[[nodiscard]] inline RowFault oversized_row(int64_t bytes, size_t bytes_max) {
  return {.code = RejectCode::kTooLarge,
          .pointer = {},
          .reason = std::to_string(bytes) + " bytes, at most " + std::to_string(bytes_max) +
                    " are taken; the payload is only its beginning"};
}

/// What is kept of such a row.
[[nodiscard]] inline std::string_view oversized_excerpt(std::string_view row) {
  constexpr size_t kExcerptBytes = 64 << 10;
  return row.substr(0, kExcerptBytes);
}

}  // namespace weir::backfill
