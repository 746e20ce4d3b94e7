#pragma once

#include <memory>

#include "backfill/file_reader.h"

namespace weir::backfill {

/// CSV by RFC 4180 with a header line (docs/formats/files.md): row n is the n-th record behind it. A record with another
/// number of fields than the header, or a line at which no record begins, is a reject `invalid_csv` with its raw text;
/// reading goes on behind it. Arguments as open_file_reader().
[[nodiscard]] Result<std::unique_ptr<FileReader>> open_csv_reader(const FileInput& input, const Plan& plan,
                                                                  const FileOrigin& origin);

}  // namespace weir::backfill
