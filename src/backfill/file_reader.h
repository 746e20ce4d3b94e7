#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backfill/file_batch.h"
#include "backfill/file_input.h"
#include "base/ids.h"
#include "base/status.h"
#include "ports/event_source.h"
#include "schema/table_schema.h"

namespace weir::backfill {

enum class FileFormat : uint8_t { kParquet, kCsv, kJsonLines };

/// "parquet", "csv", "json", as on the command line.
[[nodiscard]] std::string_view to_string(FileFormat format);
/// kInvalidArgument lists the formats.
[[nodiscard]] Result<FileFormat> parse_file_format(std::string_view text);

/// A file as a stream of messages, read by position: rows are numbered from 1 in the order of the file, broken ones
/// included. Reading the same bytes again gives the same rows and rejects, whatever the batches. Its memory is bounded
/// by ReadLimits::bytes_max and a row. One thread at a time.
class FileReader {
 public:
  virtual ~FileReader() = default;

  /// The next batch begins at row `first`. Requires: nothing was read yet. kDataLoss: the file has fewer rows.
  [[nodiscard]] virtual Status seek(Seq first) = 0;

  /// The next rows, or an empty range at the end of the file; limits.wait does not count. kDataLoss: the file is not what
  /// its format says, from here on. kUnavailable: it cannot be read.
  [[nodiscard]] virtual Result<std::unique_ptr<FileBatch>> next(const ReadLimits& limits) = 0;

  /// Bytes of the file that are behind us, as stored there; for progress.
  [[nodiscard]] virtual int64_t bytes_read() const = 0;

  /// Rows of the file, where it says so itself.
  [[nodiscard]] virtual std::optional<int64_t> rows() const = 0;

  /// What a person should know before loading, one sentence each: columns that stay empty or that nobody takes.
  [[nodiscard]] virtual const std::vector<std::string>& notes() const = 0;
};

/// Opens a reader and judges the file as far as it can without reading rows. kInvalidArgument: no row of it can ever fit
/// `plan`: a required column is not there, a column has a type that never fits (both named). kDataLoss: the file is no
/// such file, or cut off. `input` and `origin` must outlive the reader.
[[nodiscard]] Result<std::unique_ptr<FileReader>> open_file_reader(FileFormat format, const FileInput& input,
                                                                   const Plan& plan, const FileOrigin& origin);

}  // namespace weir::backfill
