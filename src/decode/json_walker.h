#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "decode/fault.h"
#include "decode/field_trie.h"
#include "decode/input_slot.h"
#include "decode/key_set.h"

namespace weir {

class JsonTokens;
class NewFields;

/// Reads one JSON text from its first byte to its last: judges all of it by RFC 8259, fields that no column takes
/// included, so that what is valid never depends on the plan; and writes the values that columns take on the way.
/// Beyond the RFC, an object that has a key twice (in any spelling) is refused, since two readers could see two values.
/// Thread-compatible; holds the memory of the largest text so far.
class JsonWalker {
 public:
  /// `hash_seed` see KeySet. `new_fields`, which may be null and must outlive it, is told of the fields of an event that no
  /// column takes. Requires: plan's values are in the ranges that Decoder::create checks.
  JsonWalker(const Plan& plan, uint64_t hash_seed, NewFields* new_fields = nullptr);
  ~JsonWalker();

  /// Room for texts of up to `bytes` bytes. kResourceExhausted without memory.
  [[nodiscard]] Status reserve(size_t bytes);

  /// Writes each value that a column of `slots` takes at `row` and marks its slot with `event`; null counts as absent.
  /// On any fault fills `fault`; what was written is then void. Requires: reserve(payload.size()); no fault yet.
  void walk_event(std::string_view payload, uint64_t event, int64_t row, std::vector<InputSlot>* slots, Fault* fault);

  /// Fills `fault` unless `text` is one valid JSON value of any kind. Requires: reserve(text.size()); no fault yet.
  void check_value(std::string_view text, Fault* fault);

 private:
  // Where the walk is, for the pointer of a fault: a chain of frames on the stack, one per container.
  struct Frame {
    const Frame* up;
    std::string_view key;
    int64_t index = -1;  // In an array; -1 in an object.
  };

  // An object while its fields are read.
  struct Object {
    uint64_t number;                       // Of this walker, ever.
    uint32_t keys;                         // In keys_; 0 until it has a key that the plan does not look for.
    uint32_t position = FieldTrie::kNone;  // Of the current key among those the plan looks for.
    uint32_t previous = FieldTrie::kNone;  // Of the one found before it.
  };

  bool start(std::string_view text);
  bool walk_root();
  // The container whose opening bracket was taken: the place behind its closing bracket, or null after a fault.
  const char* walk_object(uint32_t node, bool taken_whole, int depth, const Frame* up);
  const char* walk_array(uint32_t node, bool taken_whole, int depth, const Frame* up);
  bool walk_value(uint32_t node, bool taken_whole, int depth, const Frame* frame);
  bool walk_string(const char* token, uint32_t node);
  bool walk_scalar(std::string_view token, uint32_t node);
  bool walk_number(std::string_view token, uint32_t node);
  bool read_key(uint32_t node, Object* object, std::string_view* key);
  bool read_other_key(const char* token, uint32_t node, Object* object, std::string_view* key);
  bool enter_field(uint32_t node, bool taken_whole, const Frame& frame, Object* object);
  bool walk_new_field(int depth, const Frame* frame);
  const char* close(const char* bracket, int depth);
  // The current token without the white space behind it. Requires: it began at `begin` and was taken.
  std::string_view token_from(const char* begin) const;

  template <typename Write>
  void deliver(uint32_t node, std::string_view raw, Write write);
  void deliver_container(uint32_t node, std::string_view raw);

  bool fail_json(const char* at, const char* what);
  bool fail(RejectCode code, std::string pointer, std::string reason);
  static std::string pointer_of(const Frame& frame);

  const int depth_max_;
  const bool reject_unknown_;
  NewFields* const new_fields_;
  FieldTrie fields_;
  KeySet keys_;
  std::unique_ptr<JsonTokens> tokens_;
  std::vector<uint64_t> seen_in_;  // Per node of fields_: number of the object that has its key.
  uint64_t objects_ = 0;
  std::string scratch_;

  // Of the event being walked.
  uint64_t event_ = 0;
  int64_t row_ = 0;
  std::vector<InputSlot>* slots_ = nullptr;
  Fault* fault_ = nullptr;
};

}  // namespace weir
