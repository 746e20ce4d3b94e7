#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "schema/table_schema.h"

namespace weir::backfill {

/// The names of an RFC 6901 pointer, unescaped: "/a/b~1c" -> "a", "b/c". Requires: parse_value_source took it.
[[nodiscard]] std::vector<std::string> pointer_names(std::string_view pointer);

/// The input column of `plan` that takes the value at `names` as a whole; null when none does. The first one, should
/// several take it.
[[nodiscard]] const InputColumn* column_at(const Plan& plan, const std::vector<std::string>& names);

/// Compares the top-level names of a file with what the table's columns look for. kInvalidArgument: a required column is
/// not there (or can never come from a file), or none at all. `notes` gets a sentence about columns that stay NULL or
/// default, and one about names that nobody takes.
[[nodiscard]] Status check_column_names(const Plan& plan, const std::vector<std::string>& names_in_file,
                                        std::vector<std::string>* notes);

}  // namespace weir::backfill
