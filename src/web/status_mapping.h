#pragma once

#include <string_view>

#include "base/status.h"

namespace weir::web {

/// A request that got no complete answer. `curl_code` is a CURLcode; `body_started`: at least one byte of the body was
/// handed to the connection. kInvalidArgument: the URL or the CA file is at fault, whoever answers. kUnavailable: the
/// body did not start. kOutcomeUnknown: it did; the server may have acted on it.
[[nodiscard]] Status from_transport(int curl_code, std::string_view detail, bool body_started);

}  // namespace weir::web
