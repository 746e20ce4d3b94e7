#include "decode/key_set.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>
#include <limits>

namespace weir {
namespace {

constexpr size_t kSlotsAtStart = 64;
// More are given back after the document that needed them.
constexpr size_t kSlotsKept = 16'384;

}  // namespace

KeySet::KeySet(uint64_t seed) : seed_(seed), slots_(kSlotsAtStart) {}

void KeySet::start_document() {
  constexpr uint32_t kObjectsLeftMin = uint32_t{1} << 31;
  if (slots_.size() > kSlotsKept) slots_ = std::vector<Slot>(kSlotsKept);
  if (last_object_ > std::numeric_limits<uint32_t>::max() - kObjectsLeftMin) {
    slots_.assign(slots_.size(), Slot{});
    last_object_ = 0;
  }
  first_object_ = last_object_;
  used_ = 0;
  if (!kept_.empty()) kept_.clear();
}

bool KeySet::insert(uint32_t object, std::string_view key) {
  if (2 * (used_ + 1) > slots_.size()) grow();
  const uint64_t hash = XXH3_64bits_withSeed(key.data(), key.size(), seed_ + object);
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  for (; slots_[at].object > first_object_; at = (at + 1) & mask) {
    const Slot& slot = slots_[at];
    if (slot.hash == hash && slot.object == object && slot.size == key.size() &&
        std::memcmp(slot.key, key.data(), key.size()) == 0) {
      return false;
    }
  }
  slots_[at] = {key.data(), static_cast<uint32_t>(key.size()), object, hash};
  ++used_;
  return true;
}

std::string_view KeySet::keep(std::string key) { return kept_.emplace_back(std::move(key)); }

KeySet::Slot& KeySet::free_slot(uint64_t hash) {
  const size_t mask = slots_.size() - 1;
  size_t at = hash & mask;
  while (slots_[at].object > first_object_) at = (at + 1) & mask;
  return slots_[at];
}

void KeySet::grow() {
  std::vector<Slot> old(2 * slots_.size());
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.object > first_object_) free_slot(slot.hash) = slot;
  }
}

}  // namespace weir
