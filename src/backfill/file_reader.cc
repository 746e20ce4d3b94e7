#include "backfill/file_reader.h"

#include "backfill/file_csv_reader.h"
#include "backfill/file_json_reader.h"
#include "backfill/file_parquet_reader.h"

namespace weir::backfill {

std::string_view to_string(FileFormat format) {
  switch (format) {
    case FileFormat::kParquet: return "parquet";
    case FileFormat::kCsv: return "csv";
    case FileFormat::kJsonLines: return "json";
  }
  return "json";
}

Result<FileFormat> parse_file_format(std::string_view text) {
  for (const FileFormat format : {FileFormat::kParquet, FileFormat::kCsv, FileFormat::kJsonLines}) {
    if (text == to_string(format)) return format;
  }
  return invalid_argument("format \"" + std::string(text) + "\" is none of parquet, csv, json");
}

Result<std::unique_ptr<FileReader>> open_file_reader(FileFormat format, const FileInput& input, const Plan& plan,
                                                     const FileOrigin& origin) {
  switch (format) {
    case FileFormat::kParquet: return open_parquet_reader(input, plan, origin);
    case FileFormat::kCsv: return open_csv_reader(input, plan, origin);
    case FileFormat::kJsonLines: return open_json_reader(input, plan, origin);
  }
  return internal_error("unknown file format");
}

}  // namespace weir::backfill
