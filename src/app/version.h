#pragma once

#include <string_view>

namespace weir::app {

/// As in CHANGELOG.md.
inline constexpr std::string_view kVersion = "0.1.0";

}  // namespace weir::app
