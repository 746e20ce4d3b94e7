#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "decode/short_bytes.h"
#include "schema/table_schema.h"

namespace weir {

/// A key that the plan looks for in one object.
struct FieldKey {
  std::string_view text;      ///< Without escapes; points into the node it leads to.
  uint32_t node = 0;          ///< What stands behind it.
  uint32_t next = 0;          ///< Position of the key that last followed this one in a payload.
  bool plain = true;          ///< A JSON string with these bytes between its quotes is this key.
};

/// One place in a payload that the plan names: the value of a column, or on the way to one.
struct FieldNode {
  std::vector<uint32_t> columns;  ///< Input columns that take the value that stands here.
  std::vector<FieldKey> keys;     ///< What is looked for below.
  uint32_t first = 0;             ///< Position of the key that last came first.
  bool takes_whole = false;       ///< A json, list or struct column takes everything below too.
  bool has_index_keys = false;    ///< Some key is the index of an array.
  std::string pointer;            ///< JSON Pointer of this place; empty where no column is.
  std::string key;                ///< Its last token, without escapes.
  int64_t array_index = -1;       ///< The token as an index of an array; -1 when it cannot be one.
  std::unordered_map<std::string_view, uint32_t> positions;  ///< Text of a key -> its position in `keys`.
};

/// The JSON Pointers of a plan's columns as a tree of keys, so that one walk over a payload finds them all. Node 0 is the
/// payload itself. Thread-compatible: it learns the order of keys, because payloads of one table rarely change it.
class FieldTrie {
 public:
  static constexpr uint32_t kNone = 0xFFFFFFFF;

  /// Requires: plan's pointers were made by parse_value_source.
  explicit FieldTrie(const Plan& plan);

  [[nodiscard]] const FieldNode& node(uint32_t id) const { return nodes_[id]; }
  [[nodiscard]] size_t size() const { return nodes_.size(); }

  /// Position of the key of node `id` that is likely to come after the one at `previous` (kNone: first); kNone without
  /// keys.
  [[nodiscard]] uint32_t guess(uint32_t id, uint32_t previous) const {
    const FieldNode& node = nodes_[id];
    if (node.keys.empty()) return kNone;
    return previous == kNone ? node.first : node.keys[previous].next;
  }

  /// Position of the key `text` of node `id`, or kNone. Remembers it as the one that comes after `previous`.
  [[nodiscard]] uint32_t find(uint32_t id, std::string_view text, uint32_t previous);

  /// The node that takes element `index` of an array at node `id`; kNone when no column does.
  [[nodiscard]] uint32_t find_element(uint32_t id, int64_t index) const;

 private:
  uint32_t child_of(uint32_t id, const std::string& key);

  std::vector<FieldNode> nodes_;
};

}  // namespace weir
