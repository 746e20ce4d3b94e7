#pragma once

#include <string>
#include <string_view>

#include "decode/column_writer.h"
#include "decode/fault.h"

namespace weir {

/// Writes `json`, the text of one JSON value, at `row` of `writer`, items and fields of lists and structs included. A null
/// inside a list or struct is kWrongType or kMissingField, a field that a struct does not name is left out, or
/// kUnknownField if `reject_unknown`. On failure fills `fault`, whose pointer begins at `json`.
/// `scratch` is overwritten. Requires: json was judged valid by JsonWalker, and is not null itself.
[[nodiscard]] bool write_json_value(std::string_view json, bool reject_unknown, int64_t row, ColumnWriter* writer,
                                    std::string* scratch, Fault* fault);

}  // namespace weir
