#pragma once

#include <span>
#include <string_view>

namespace weir {

/// The candidate that `name` was probably meant to be: fewest edits (insert, delete, replace, swap of neighbours), and
/// few against its length; else the first that `name` is a beginning of ("password" -> "password_env"). Empty when
/// there is neither.
[[nodiscard]] std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates);

}  // namespace weir
