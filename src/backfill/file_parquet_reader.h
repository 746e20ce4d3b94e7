#pragma once

#include <memory>

#include "backfill/file_reader.h"

namespace weir::backfill {

/// Parquet (docs/formats/files.md): row n is the n-th row of the file, as a JSON object of all its columns. Columns that no
/// table column takes and that cannot be written as JSON are left out, with a note. Arguments as open_file_reader().
[[nodiscard]] Result<std::unique_ptr<FileReader>> open_parquet_reader(const FileInput& input, const Plan& plan,
                                                                      const FileOrigin& origin);

}  // namespace weir::backfill
