#include "config/endpoint.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace weir {
namespace {

bool is_plain(char c) { return c > ' ' && c < 0x7F; }

std::optional<uint16_t> parse_port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// "host:port", "[v6]:port", "host". Empty host when it is none of these.
struct HostPort {
  std::string_view host;
  std::string_view port;
  bool has_port = false;
};

HostPort split_host_port(std::string_view text) {
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return {};
    const std::string_view rest = text.substr(close + 1);
    if (rest.empty()) return {text.substr(1, close - 1), {}, false};
    if (rest[0] != ':') return {};
    return {text.substr(1, close - 1), rest.substr(1), true};
  }
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {text, {}, false};
  if (text.find(':', colon + 1) != std::string_view::npos) return {};  // IPv6 without brackets.
  return {text.substr(0, colon), text.substr(colon + 1), true};
}

std::string schemes_text(std::initializer_list<std::string_view> schemes) {
  std::string text;
  for (const std::string_view scheme : schemes) text += (text.empty() ? "" : " or ") + std::string(scheme) + "://";
  return text;
}

}  // namespace

Status check_url(std::string_view url, std::initializer_list<std::string_view> schemes) {
  const size_t scheme_end = url.find("://");
  const std::string_view scheme = url.substr(0, std::min(scheme_end, url.size()));
  if (scheme_end == std::string_view::npos || std::find(schemes.begin(), schemes.end(), scheme) == schemes.end()) {
    return invalid_argument("must begin with " + schemes_text(schemes));
  }
  if (!std::all_of(url.begin(), url.end(), is_plain))
    return invalid_argument("must not contain blanks or control characters");
  const std::string_view rest = url.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, std::min(rest.find_first_of("/?#"), rest.size()));
  if (authority.find('@') != std::string_view::npos) {
    return invalid_argument(
        "must not contain a user or password; use the keys for credentials (the value is not shown here)");
  }
  const HostPort address = split_host_port(authority);
  if (address.host.empty()) return invalid_argument("has no host; write " + std::string(scheme) + "://host:port");
  if (address.has_port && parse_port(address.port).value_or(0) == 0) {
    return invalid_argument("has a port that is not a number from 1 to 65535");
  }
  return ok_status();
}

Result<std::string> parse_lake_url(std::string_view url) {
  constexpr std::string_view kAdvice = "must be file:///absolute/path or s3://bucket/prefix";
  const bool local = url.starts_with("file://");
  if (!local && !url.starts_with("s3://")) return invalid_argument(std::string(kAdvice));
  const std::string_view place = url.substr(local ? 7 : 5);
  if (local && !place.starts_with('/')) {
    return invalid_argument(std::string(kAdvice) + "; a local path begins with three slashes, file:///");
  }
  if (place.find_first_of("?#@") != std::string_view::npos || !std::all_of(place.begin(), place.end(), is_plain)) {
    return invalid_argument(std::string(kAdvice) + ", without blanks, '?', '#' and '@'");
  }
  if (("/" + std::string(place) + "/").find("/../") != std::string::npos) {
    return invalid_argument(std::string(kAdvice) + ", without '..'");
  }
  std::string trimmed(url);
  while (trimmed.ends_with('/')) trimmed.pop_back();
  if (trimmed.size() <= (local ? 7U : 5U)) return invalid_argument(std::string(kAdvice) + ", not the root");
  return trimmed;
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  const HostPort address = split_host_port(text);
  const std::optional<uint16_t> port = parse_port(address.port);
  if (address.host.empty() || !address.has_port || !port || !std::all_of(text.begin(), text.end(), is_plain)) {
    return invalid_argument("must be an address and a port, like \"127.0.0.1:8642\" or \"[::1]:8642\"");
  }
  return ListenAddress{std::string(address.host), *port};
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "::1") return true;
  // 127.0.0.0/8, but not a name like 127.example.com.
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

Status check_subject_filter(std::string_view subject) {
  std::string_view rest = subject;
  while (true) {
    const size_t end = rest.find('.');
    const std::string_view token = rest.substr(0, std::min(end, rest.size()));
    const bool last = end == std::string_view::npos;
    if (token.empty()) return invalid_argument("has an empty token; tokens are separated by single dots");
    if (std::any_of(token.begin(), token.end(),
                    [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7F; })) {
      return invalid_argument("must not contain blanks or control characters");
    }
    if (token.size() > 1 && token.find_first_of("*>") != std::string_view::npos) {
      return invalid_argument("has a wildcard inside a token; '*' and '>' stand alone between dots");
    }
    if (token == ">" && !last) return invalid_argument("has '>' before its end; it may only be the last token");
    if (last) return ok_status();
    rest.remove_prefix(end + 1);
  }
}

Status check_stream_name(std::string_view name) {
  const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
    return is_plain(c) && std::string_view(".*>/\\").find(c) == std::string_view::npos;
  });
  if (plain && !name.empty()) return ok_status();
  return invalid_argument("is not a stream name; it has no blanks, dots, wildcards or slashes");
}

}  // namespace weir
