#pragma once

#include <string>

#include "trino/catalog_files.h"

namespace weir::trino {

/// README.md of the files for a Trino server: what to do with them, step by step.
[[nodiscard]] std::string catalog_readme(const CatalogOptions& options);

}  // namespace weir::trino
