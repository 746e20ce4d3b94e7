#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/retry.h"

namespace weir::trino {

/// One Trino server (its coordinator) and who asks it.
struct Options {
  std::string url = "http://127.0.0.1:8080";  ///< http:// or https://, host and port; a path if a proxy needs one.
  std::string user = "weir";
  std::string password;         ///< Basic authentication; https only. At most one of password and jwt.
  std::string jwt;              ///< Bearer token; https only.
  std::string tls_ca;           ///< PEM file of the authority to trust; empty: the system's.
  std::string source = "weir";  ///< Shown in Trino's list of queries.
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds statement_timeout{60'000};  ///< A whole statement, with every page of its result.
  RetryPolicy retry;                      ///< Between tries of one request that found Trino too busy to answer.
  int64_t result_rows_max = 1'000'000;    ///< A result with more is an error: these are answers to Weir, not to users.
  int64_t response_bytes_max = 64 << 20;  ///< One page of a result.
};

}  // namespace weir::trino
