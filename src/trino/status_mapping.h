#pragma once

#include <string_view>

#include "base/status.h"
#include "trino/statement_page.h"

namespace weir::trino {

/// A statement that Trino took and that failed. The message begins with Trino's name of the error.
[[nodiscard]] Status from_statement_error(const StatementError& error);

/// An answer of another status than 200. 401 and 403: kPermissionDenied; a redirect or 404: kInvalidArgument (the URL is
/// not Trino's); otherwise kUnavailable. `body` is quoted in part.
[[nodiscard]] Status from_http_status(int http_status, std::string_view body);

/// Whether the same request may succeed in a moment: a proxy or Trino itself is busy, or is starting.
[[nodiscard]] bool is_busy(int http_status);

}  // namespace weir::trino
