#pragma once

#include <string_view>

#include "decode/reject_code.h"

namespace weir {

/// Sets *value to the value of header `name` (case-sensitive) in raw "Name: value\r\n" lines, without the white space
/// around it, and *found. kBadHeader when the header is there twice or a line has no colon.
[[nodiscard]] RejectCode find_header(std::string_view headers, std::string_view name, std::string_view* value, bool* found);

/// The `number`th token of a subject, from 1; false when it has fewer.
[[nodiscard]] bool subject_token(std::string_view subject, int number, std::string_view* token);

}  // namespace weir
