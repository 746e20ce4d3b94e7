#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"

namespace weir {

/// Where a running pipeline serves (`[http]` of its file).
struct HttpTarget {
  std::string host = "127.0.0.1";
  uint16_t port = 8642;
  std::string token;  ///< Empty: none is sent.
};

/// The body of a GET of `path`. kUnavailable: nobody answers there, or not within three seconds; kPermissionDenied: 401
/// or 403; kNotFound: 404; kRejected: any other answer than 200, or one of more than 16 MiB.
[[nodiscard]] Result<std::string> http_get(const HttpTarget& target, const std::string& path);

}  // namespace weir
