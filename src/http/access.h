#pragma once

#include <string>
#include <string_view>

namespace weir {

/// Decides whether a request may see the pipeline's data. Immutable, thread-safe.
///
/// With a token, a request needs `Authorization: Bearer <token>`. Without one the server listens on loopback only, and
/// the Host header must name loopback too: else a web page could point a name of its own at 127.0.0.1 and read along
/// (DNS rebinding).
class AccessRule {
 public:
  enum class Verdict { kAllowed, kUnauthorized, kForeignHost };

  explicit AccessRule(std::string token) : token_(std::move(token)) {}

  /// `authorization`, `host`: the request's headers; empty when it has none.
  [[nodiscard]] Verdict judge(std::string_view authorization, std::string_view host) const;

 private:
  std::string token_;
};

/// True when equal, in a time that depends on the length of `given` only.
[[nodiscard]] bool equal_in_constant_time(std::string_view given, std::string_view secret);

}  // namespace weir
