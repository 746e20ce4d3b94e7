#pragma once

#include <iosfwd>
#include <string>
#include <string_view>

#include "base/status.h"

namespace arrow {
class Array;
class RecordBatchReader;
}  // namespace arrow

namespace weir::cli {

/// Streams a query's result: "table" (aligned, so the whole result is held), "csv" (RFC 4180), "json"
/// (one object a line) or "arrow" (IPC stream).
[[nodiscard]] Status print_result(arrow::RecordBatchReader& reader, std::string_view format, std::ostream& out);

/// One value for people: NULL is empty, binary is hexadecimal, times are ISO 8601 in UTC.
[[nodiscard]] std::string cell_text(const arrow::Array& column, int64_t row);

}  // namespace weir::cli
