#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir {

/// A URL of a server or store: scheme, host and what follows. kInvalidArgument, without the URL itself, when it has
/// another scheme than `schemes`, a user or password in it, no host, or a port that is none.
[[nodiscard]] Status check_url(std::string_view url, std::initializer_list<std::string_view> schemes);

/// The lake's URL without slashes at its end: file:///absolute/path or s3://bucket/prefix, else kInvalidArgument.
[[nodiscard]] Result<std::string> parse_lake_url(std::string_view url);

struct ListenAddress {
  std::string host;
  uint16_t port = 0;
};

/// "127.0.0.1:8642", "localhost:0", "[::1]:8642"; else kInvalidArgument.
[[nodiscard]] Result<ListenAddress> parse_listen_address(std::string_view text);

/// True for localhost, 127.0.0.0/8 and ::1.
[[nodiscard]] bool is_loopback(std::string_view host);

/// A subject that a consumer may filter by: tokens of printable characters between dots, `*` alone in a token, `>`
/// alone in the last.
[[nodiscard]] Status check_subject_filter(std::string_view subject);

/// A stream's name: printable, without blanks, dots, wildcards and slashes.
[[nodiscard]] Status check_stream_name(std::string_view name);

}  // namespace weir
