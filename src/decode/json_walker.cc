#include "decode/json_walker.h"

#include "decode/json_number.h"
#include "decode/json_string.h"
#include "decode/json_tokens.h"
#include "decode/nested_value.h"
#include "decode/new_fields.h"

namespace weir {
namespace {

constexpr uint32_t kNone = FieldTrie::kNone;
constexpr uint32_t kRoot = 0;  // Of the fields' trie: the payload itself.
constexpr size_t kPointerBytesMax = 1'024;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

}  // namespace

JsonWalker::JsonWalker(const Plan& plan, uint64_t hash_seed, NewFields* new_fields)
    : depth_max_(plan.json_depth_max),
      reject_unknown_(plan.on_unknown_field == UnknownFields::kReject),
      new_fields_(new_fields),
      fields_(plan),
      keys_(hash_seed),
      tokens_(std::make_unique<JsonTokens>()),
      seen_in_(fields_.size(), 0) {}

JsonWalker::~JsonWalker() = default;

Status JsonWalker::reserve(size_t bytes) { return tokens_->reserve(bytes); }

void JsonWalker::walk_event(std::string_view payload, uint64_t event, int64_t row, std::vector<InputSlot>* slots,
                            Fault* fault) {
  event_ = event;
  row_ = row;
  slots_ = slots;
  fault_ = fault;
  if (!start(payload)) return;
  if (*tokens_->peek() == '{') {
    if (*tokens_->last() != '}') {
      fail_json(tokens_->last(), "the payload ends before its object does");
      return;
    }
    tokens_->advance();
    (void)walk_object(kRoot, false, 1, nullptr);
    return;
  }
  if (walk_root()) fail(RejectCode::kNotAnObject, "", "the payload is valid JSON but not an object");
}

void JsonWalker::check_value(std::string_view text, Fault* fault) {
  fault_ = fault;
  if (start(text)) (void)walk_root();
}

bool JsonWalker::start(std::string_view text) {
  keys_.start_document();
  const char* reason = "";
  const RejectCode code = tokens_->start(text, &reason);
  return code == RejectCode::kNone || fail(code, "", reason);
}

// Any value, for no column.
bool JsonWalker::walk_root() {
  const char* const token = tokens_->peek();
  if (*token == '{' || *token == '[') {
    // The last token closes something, so no other token is the last one: none but close() has to ask for the end.
    if (*tokens_->last() != (*token == '{' ? '}' : ']')) return fail_json(tokens_->last(), "the value ends too early");
    tokens_->advance();
    return (*token == '{' ? walk_object(kNone, true, 1, nullptr) : walk_array(kNone, true, 1, nullptr)) != nullptr;
  }
  if (token != tokens_->last()) return fail_json(token, "more than one value");
  std::string_view rest = tokens_->text().substr(static_cast<size_t>(token - tokens_->text().data()));
  while (is_space(rest.back())) rest.remove_suffix(1);
  if (*token != '"') return walk_scalar(rest, kNone);
  const char* const wrong = has_escape(rest) ? unescape_json(rest.substr(1, rest.size() - 2), &scratch_) : nullptr;
  return wrong == nullptr || fail_json(token, wrong);
}

inline std::string_view JsonWalker::token_from(const char* begin) const {
  const char* end = tokens_->peek();
  while (is_space(end[-1])) --end;
  return {begin, static_cast<size_t>(end - begin)};
}

// Writes the value of `node` to its columns; `write` does so for any but a json column.
template <typename Write>
inline void JsonWalker::deliver(uint32_t node, std::string_view raw, Write write) {
  for (const uint32_t column : fields_.node(node).columns) {
    InputSlot& slot = (*slots_)[column];
    slot.written_in = event_;
    if (slot.writer.kind() == TypeKind::kJson) {
      slot.writer.write_bytes(row_, raw);
      continue;
    }
    const RejectCode code = write(&slot);
    if (code != RejectCode::kNone && !fault_->any()) {
      *fault_ = {code, fields_.node(node).pointer, misfit_reason(code, slot.writer.type(), raw)};
    }
  }
}

// Takes a key and its colon, and finds it among the keys that the plan looks for.
inline bool JsonWalker::read_key(uint32_t node, Object* object, std::string_view* key) {
  const char* const token = tokens_->advance();
  if (*token != '"') return fail_json(token, "a key is expected");
  const char* const colon = tokens_->peek();
  if (*colon != ':') return fail_json(colon, "':' is expected");
  tokens_->advance();
  const uint32_t guess = node == kNone ? kNone : fields_.guess(node, object->previous);
  if (guess != kNone) {
    // The quote behind the expected bytes is the closing one, because a plain key has neither quote nor backslash.
    const FieldKey& expected = fields_.node(node).keys[guess];
    const size_t size = expected.text.size();
    if (expected.plain && size + 2 <= static_cast<size_t>(colon - token) && token[size + 1] == '"' &&
        equal_bytes(token + 1, expected.text.data(), size)) {
      *key = {token + 1, size};
      object->position = object->previous = guess;
      return true;
    }
  }
  return read_other_key(token, node, object, key);
}

bool JsonWalker::read_other_key(const char* token, uint32_t node, Object* object, std::string_view* key) {
  const char* end = tokens_->taken();  // The colon.
  while (is_space(end[-1])) --end;
  *key = {token + 1, static_cast<size_t>(end - token - 2)};
  if (has_escape(*key)) {
    std::string unescaped;
    if (const char* wrong = unescape_json(*key, &unescaped); wrong != nullptr) return fail_json(token, wrong);
    *key = keys_.keep(std::move(unescaped));
  }
  object->position = node == kNone ? kNone : fields_.find(node, *key, object->previous);
  if (object->position != kNone) object->previous = object->position;
  return true;
}

// Sees to it that the object has the key in `frame` once, and that it is known where it has to be.
inline bool JsonWalker::enter_field(uint32_t node, bool taken_whole, const Frame& frame, Object* object) {
  bool first = false;
  if (object->position != kNone) {
    uint64_t& seen_in = seen_in_[fields_.node(node).keys[object->position].node];
    first = seen_in != object->number;
    seen_in = object->number;
  } else {
    if (object->keys == 0) object->keys = keys_.start_object();
    first = keys_.insert(object->keys, frame.key);
    if (reject_unknown_ && !taken_whole && !fault_->any()) {
      *fault_ = {RejectCode::kUnknownField, pointer_of(frame), "no column takes it, and on_unknown_field = \"reject\""};
    }
  }
  return first || fail(RejectCode::kDuplicateKey, pointer_of(frame), "the object has this key more than once");
}

inline bool JsonWalker::walk_number(std::string_view token, uint32_t node) {
  JsonNumber number;
  if (!scan_json_number(token, &number)) return fail_json(token.data(), "neither a number nor true, false or null");
  if (node == kNone) return true;
  deliver(node, token, [&](InputSlot* slot) { return slot->writer.write_number(row_, number); });
  return true;
}

inline bool JsonWalker::walk_string(const char* token, uint32_t node) {
  const std::string_view raw = token_from(token);
  std::string_view value = raw.substr(1, raw.size() - 2);
  if (has_escape(value)) {
    if (const char* wrong = unescape_json(value, &scratch_); wrong != nullptr) return fail_json(token, wrong);
    value = scratch_;
  }
  if (node == kNone) return true;
  deliver(node, raw, [this, value](InputSlot* slot) { return slot->writer.write_string(row_, value); });
  return true;
}

const char* JsonWalker::walk_object(uint32_t node, bool taken_whole, int depth, const Frame* up) {
  if (depth > depth_max_) {
    fail(RejectCode::kTooDeep, "", "nested deeper than " + std::to_string(depth_max_));
    return nullptr;
  }
  if (*tokens_->peek() == '}') return close(tokens_->advance(), depth);
  Frame frame{.up = up};
  Object object{.number = ++objects_, .keys = 0};
  for (;;) {
    if (!read_key(node, &object, &frame.key) || !enter_field(node, taken_whole, frame, &object)) return nullptr;
    if (object.position != kNone) {
      if (!walk_value(fields_.node(node).keys[object.position].node, taken_whole, depth, &frame)) return nullptr;
    } else if (new_fields_ != nullptr && node == kRoot) {
      if (!walk_new_field(depth, &frame)) return nullptr;
    } else if (!walk_value(kNone, taken_whole, depth, &frame)) {
      return nullptr;
    }
    const char* const next = tokens_->advance();
    if (*next == ',') continue;
    if (*next == '}') return close(next, depth);
    fail_json(next, "',' or '}' is expected");
    return nullptr;
  }
}

// The value of a top-level field that no column takes, when such fields are of interest.
bool JsonWalker::walk_new_field(int depth, const Frame* frame) {
  const char* const value = tokens_->peek();
  if (!walk_value(kNone, false, depth, frame)) return false;
  const bool container = *value == '{' || *value == '[';
  new_fields_->note(frame->key, container ? std::string_view(value, 1) : token_from(value));
  return true;
}

const char* JsonWalker::walk_array(uint32_t node, bool taken_whole, int depth, const Frame* up) {
  if (depth > depth_max_) {
    fail(RejectCode::kTooDeep, "", "nested deeper than " + std::to_string(depth_max_));
    return nullptr;
  }
  if (*tokens_->peek() == ']') return close(tokens_->advance(), depth);
  Frame frame{.up = up, .key = {}, .index = 0};
  for (;; ++frame.index) {
    const uint32_t child = node == kNone ? kNone : fields_.find_element(node, frame.index);
    if (!walk_value(child, taken_whole, depth, &frame)) return nullptr;
    const char* const next = tokens_->advance();
    if (*next == ',') continue;
    if (*next == ']') return close(next, depth);
    fail_json(next, "',' or ']' is expected");
    return nullptr;
  }
}

bool JsonWalker::walk_value(uint32_t node, bool taken_whole, int depth, const Frame* frame) {
  const char* const token = tokens_->advance();
  switch (*token) {
    case '"': return walk_string(token, node);
    case '{':
    case '[': {
      const bool whole = taken_whole || (node != kNone && fields_.node(node).takes_whole);
      const char* const end =
          *token == '{' ? walk_object(node, whole, depth + 1, frame) : walk_array(node, whole, depth + 1, frame);
      if (end == nullptr) return false;
      if (node != kNone) deliver_container(node, {token, static_cast<size_t>(end - token)});
      return true;
    }
    case '}':
    case ']':
    case ',':
    case ':': return fail_json(token, "a value is expected");
    case '-':
    case '0':
    case '1':
    case '2':
    case '3':
    case '4':
    case '5':
    case '6':
    case '7':
    case '8':
    case '9': return walk_number(token_from(token), node);
    default: return walk_scalar(token_from(token), node);
  }
}

bool JsonWalker::walk_scalar(std::string_view token, uint32_t node) {
  if (token == "true" || token == "false") {
    if (node == kNone) return true;
    deliver(node, token, [&](InputSlot* slot) { return slot->writer.write_bool(row_, token.front() == 't'); });
    return true;
  }
  if (token == "null") return true;
  return walk_number(token, node);
}

const char* JsonWalker::close(const char* bracket, int depth) {
  if ((depth == 1) == (bracket == tokens_->last())) return bracket + 1;
  fail_json(bracket, depth == 1 ? "something follows behind the value" : "the payload ends before its value does");
  return nullptr;
}

void JsonWalker::deliver_container(uint32_t node, std::string_view raw) {
  deliver(node, raw, [&](InputSlot* slot) {
    Fault fault;
    if (write_json_value(raw, reject_unknown_, row_, &slot->writer, &scratch_, &fault)) return RejectCode::kNone;
    if (!fault_->any()) {
      fault.pointer.insert(0, fields_.node(node).pointer);
      *fault_ = std::move(fault);
    }
    return RejectCode::kNone;
  });
}

bool JsonWalker::fail_json(const char* at, const char* what) {
  const auto offset = at - tokens_->text().data();
  return fail(RejectCode::kInvalidJson, "", "at byte " + std::to_string(offset) + ": " + what);
}

bool JsonWalker::fail(RejectCode code, std::string pointer, std::string reason) {
  *fault_ = {code, std::move(pointer), std::move(reason)};
  return false;
}

std::string JsonWalker::pointer_of(const Frame& frame) {
  std::string pointer = frame.up == nullptr ? std::string() : pointer_of(*frame.up);
  if (pointer.size() > kPointerBytesMax) return pointer;
  if (frame.index >= 0) return pointer + "/" + std::to_string(frame.index);
  append_pointer_token(excerpt(frame.key, kPointerBytesMax), &pointer);
  return pointer;
}

}  // namespace weir
