#include "http/access.h"

#include <algorithm>
#include <cctype>

namespace weir {
namespace {

constexpr std::string_view kBearer = "bearer ";

bool begins_with_bearer(std::string_view authorization) {
  return authorization.size() >= kBearer.size() &&
         std::equal(kBearer.begin(), kBearer.end(), authorization.begin(),
                    [](char a, char b) { return a == std::tolower(static_cast<unsigned char>(b)); });
}

// "localhost:8642", "127.0.0.1", "[::1]:8642".
bool is_loopback_host(std::string_view host) {
  const size_t port = host.rfind(':');
  if (port != std::string_view::npos && host.find(']', port) == std::string_view::npos) host = host.substr(0, port);
  if (host == "localhost" || host == "[::1]") return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string_view::npos;
}

}  // namespace

bool equal_in_constant_time(std::string_view given, std::string_view secret) {
  // No early exit. An empty secret equals nothing: it would let everybody in.
  unsigned difference = secret.empty() || given.size() != secret.size() ? 1U : 0U;
  for (size_t i = 0; i < given.size(); ++i) {
    const auto expected = static_cast<unsigned char>(secret.empty() ? 0 : secret[i % secret.size()]);
    difference |= static_cast<unsigned>(static_cast<unsigned char>(given[i]) ^ expected);
  }
  return difference == 0;
}

AccessRule::Verdict AccessRule::judge(std::string_view authorization, std::string_view host) const {
  if (token_.empty()) return is_loopback_host(host) ? Verdict::kAllowed : Verdict::kForeignHost;
  if (!begins_with_bearer(authorization)) return Verdict::kUnauthorized;
  return equal_in_constant_time(authorization.substr(kBearer.size()), token_) ? Verdict::kAllowed
                                                                              : Verdict::kUnauthorized;
}

}  // namespace weir
