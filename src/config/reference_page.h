#pragma once

#include <string>

namespace weir {

/// docs/configuration.md: every section and key with type, default, limits and meaning.
[[nodiscard]] std::string render_configuration_reference();

}  // namespace weir
