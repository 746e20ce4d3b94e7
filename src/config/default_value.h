#pragma once

#include <string>

#include "base/status.h"
#include "config/toml_document.h"
#include "schema/column_type.h"

namespace weir {

/// JSON text of a column's `default`, as an event would have carried it. kInvalidArgument: it does not fit the type;
/// says what would. Dates and timestamps may be TOML dates or strings; decimals are strings, so that no digit is lost;
/// a json column takes any TOML value; a list takes a list and a struct an inline table with every field.
[[nodiscard]] Result<std::string> default_json(const TomlValue& value, const ColumnType& type);

}  // namespace weir
