#pragma once

#include <string>
#include <string_view>

namespace weir {

/// XXH3-128 of `bytes` as 32 lower-case hexadecimal digits. For naming content, not for security.
[[nodiscard]] std::string digest_hex(std::string_view bytes);

}  // namespace weir
