#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace weir::clickhouse {

/// `bytes` as one LZ4 frame (the format of the lz4 tool), for `Content-Encoding: lz4`.
[[nodiscard]] Result<std::string> lz4_frame(std::string_view bytes);

}  // namespace weir::clickhouse
