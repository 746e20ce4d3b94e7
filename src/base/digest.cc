#include "base/digest.h"

#include <xxhash.h>

#include <array>
#include <cstdio>

namespace weir {

namespace {

std::string as_hex(const XXH128_hash_t& hash) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return text.data();
}

}  // namespace

std::string digest_hex(std::string_view bytes) { return as_hex(XXH3_128bits(bytes.data(), bytes.size())); }

struct DigestStream::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> hash{XXH3_createState()};
};

DigestStream::DigestStream() : state_(std::make_unique<State>()) { XXH3_128bits_reset(state_->hash.get()); }
DigestStream::~DigestStream() = default;
DigestStream::DigestStream(DigestStream&&) noexcept = default;
DigestStream& DigestStream::operator=(DigestStream&&) noexcept = default;

void DigestStream::update(std::string_view bytes) {
  XXH3_128bits_update(state_->hash.get(), bytes.data(), bytes.size());
}

std::string DigestStream::hex() const { return as_hex(XXH3_128bits_digest(state_->hash.get())); }

}  // namespace weir
