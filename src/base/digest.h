#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace weir {

/// XXH3-128 of `bytes` as 32 lower-case hexadecimal digits. For naming content, not for security.
[[nodiscard]] std::string digest_hex(std::string_view bytes);

/// The same of content that comes in pieces. Thread-compatible.
class DigestStream {
 public:
  DigestStream();
  ~DigestStream();
  DigestStream(DigestStream&&) noexcept;
  DigestStream& operator=(DigestStream&&) noexcept;

  void update(std::string_view bytes);
  /// digest_hex() of everything so far.
  [[nodiscard]] std::string hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace weir
