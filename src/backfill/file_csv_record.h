#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::backfill {

/// One field of a CSV record. Views the text that was scanned.
struct CsvField {
  std::string_view text;  ///< Without the quotes around it.
  bool quoted = false;
  bool escaped = false;   ///< Holds "" for ".
};

/// What `field` stands for; `scratch` holds it when quotes have to be undoubled.
[[nodiscard]] std::string_view csv_value(const CsvField& field, std::string* scratch);

struct CsvRecord {
  std::vector<CsvField> fields;
  size_t bytes = 0;  ///< Of the record with its line end.
};

enum class CsvScan : uint8_t {
  kRecord,    ///< A whole record, *record tells it.
  kNeedMore,  ///< The text ends inside of the record, and it is not the end of the file.
  kBroken,    ///< No record by RFC 4180 begins here; *fault says why.
};

/// Scans the record at the beginning of `text` by RFC 4180: fields separated by commas, in quotes where they hold commas,
/// quotes (doubled) or line ends; lines end with LF or CR LF. A quote inside an unquoted field, or anything but a comma
/// or a line end behind a closing quote, is no record. `at_end`: the file ends with `text`. Requires: text not empty.
[[nodiscard]] CsvScan scan_csv_record(std::string_view text, bool at_end, CsvRecord* record, std::string* fault);

}  // namespace weir::backfill
