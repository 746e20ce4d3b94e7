#pragma once

#include <string_view>

namespace weir {

/// The page at `/`: one HTML document without data in it, which fetches `/api/v1/status` every two seconds.
[[nodiscard]] std::string_view status_page();

}  // namespace weir
