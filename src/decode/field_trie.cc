#include "decode/field_trie.h"

#include <charconv>

namespace weir {
namespace {

// The next token of a pointer, without its escapes; `pointer` then begins behind it. Requires: begins with '/'.
std::string next_token(std::string_view* pointer) {
  pointer->remove_prefix(1);
  const std::string_view token = pointer->substr(0, pointer->find('/'));
  pointer->remove_prefix(token.size());
  std::string key;
  for (size_t i = 0; i < token.size(); ++i) {
    key.push_back(token[i] == '~' ? (token[++i] == '0' ? '~' : '/') : token[i]);
  }
  return key;
}

// RFC 6901: digits without leading zeros.
int64_t array_index_of(const std::string& key) {
  if (key.empty() || key.size() > 9 || (key.size() > 1 && key.front() == '0')) return -1;
  int64_t index = 0;
  const auto [stop, failure] = std::from_chars(key.data(), key.data() + key.size(), index);
  return failure == std::errc() && stop == key.data() + key.size() && key.front() != '-' ? index : -1;
}

}  // namespace

FieldTrie::FieldTrie(const Plan& plan) {
  nodes_.emplace_back();
  for (uint32_t column = 0; column < plan.input.size(); ++column) {
    const InputColumn& input = plan.input[column];
    if (input.from.kind != ValueSource::Kind::kPointer) continue;
    uint32_t id = 0;
    for (std::string_view rest = input.from.text; !rest.empty();) id = child_of(id, next_token(&rest));
    FieldNode& node = nodes_[id];
    node.columns.push_back(column);
    node.pointer = input.from.text;
    const TypeKind kind = input.type.kind;
    node.takes_whole |= kind == TypeKind::kJson || kind == TypeKind::kList || kind == TypeKind::kStruct;
  }
  // Only now: the views point into nodes that do not move any more.
  for (FieldNode& node : nodes_) {
    for (uint32_t i = 0; i < node.keys.size(); ++i) {
      FieldKey& key = node.keys[i];
      key.text = nodes_[key.node].key;
      key.plain = key.text.find_first_of("\"\\") == std::string_view::npos;
      node.positions.emplace(key.text, i);
    }
  }
}

uint32_t FieldTrie::child_of(uint32_t id, const std::string& key) {
  for (const FieldKey& known : nodes_[id].keys) {
    if (nodes_[known.node].key == key) return known.node;
  }
  const auto child = static_cast<uint32_t>(nodes_.size());
  FieldNode& node = nodes_.emplace_back();
  node.key = key;
  node.array_index = array_index_of(key);
  nodes_[id].has_index_keys |= node.array_index >= 0;
  nodes_[id].keys.push_back({.node = child});
  return child;
}

uint32_t FieldTrie::find(uint32_t id, std::string_view text, uint32_t previous) {
  FieldNode& node = nodes_[id];
  const auto found = node.positions.find(text);
  if (found == node.positions.end()) return kNone;
  (previous == kNone ? node.first : node.keys[previous].next) = found->second;
  return found->second;
}

uint32_t FieldTrie::find_element(uint32_t id, int64_t index) const {
  const FieldNode& node = nodes_[id];
  if (!node.has_index_keys) return kNone;
  for (const FieldKey& key : node.keys) {
    if (nodes_[key.node].array_index == index) return key.node;
  }
  return kNone;
}

}  // namespace weir
