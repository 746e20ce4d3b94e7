#pragma once

#include <memory>

#include "backfill/file_reader.h"

namespace weir::backfill {

/// JSON lines (docs/formats/files.md): row n is line n, as it is; blank lines are no rows, but count. A line that is no
/// JSON is for the decoder to refuse. Arguments as open_file_reader().
[[nodiscard]] Result<std::unique_ptr<FileReader>> open_json_reader(const FileInput& input, const Plan& plan,
                                                                   const FileOrigin& origin);

}  // namespace weir::backfill
