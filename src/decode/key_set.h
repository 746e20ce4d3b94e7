#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace weir {

/// The keys of all objects of one document, to tell when an object has the same key twice. Linear in the number of keys
/// also for payloads made to collide: the hash is seeded. Keeps its memory from document to document up to a bound.
/// Thread-compatible.
class KeySet {
 public:
  /// `seed`: random, once per process. The set's answers do not depend on it.
  explicit KeySet(uint64_t seed);

  /// Forgets all keys and objects.
  void start_document();

  /// A number for an object of this document.
  [[nodiscard]] uint32_t start_object() { return ++last_object_; }

  /// False when `object` has `key` already. The bytes of `key` must outlive the document.
  [[nodiscard]] bool insert(uint32_t object, std::string_view key);

  /// Keeps a copy of `key` until the next document.
  [[nodiscard]] std::string_view keep(std::string key);

 private:
  struct Slot {
    const char* key = nullptr;
    uint32_t size = 0;
    uint32_t object = 0;  // At or below first_object_: of an earlier document, so the slot is free.
    uint64_t hash = 0;
  };

  void grow();
  Slot& free_slot(uint64_t hash);

  uint64_t seed_;
  std::vector<Slot> slots_;
  size_t used_ = 0;
  uint32_t first_object_ = 0;
  uint32_t last_object_ = 0;
  std::deque<std::string> kept_;
};

}  // namespace weir
