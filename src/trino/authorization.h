#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "trino/options.h"

namespace weir::trino {

/// Whether a client can be made of `options`. kInvalidArgument, without any secret: the URL's scheme, a password or token
/// without https, both of them, no user, or a line break in what goes into a header.
[[nodiscard]] Status check_options(const Options& options);

/// "Authorization: Bearer <jwt>" or "Authorization: Basic <user:password>"; empty when there is neither.
[[nodiscard]] std::string authorization_header(const Options& options);

/// Whether `text` is one line, so that it can be the value of a header.
[[nodiscard]] bool fits_header(std::string_view text);

}  // namespace weir::trino
