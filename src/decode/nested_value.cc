#include "decode/nested_value.h"

#include <vector>

#include "decode/input_slot.h"
#include "decode/json_string.h"

namespace weir {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Steps through the members of a list or object whose text is known to be valid.
class MemberReader {
 public:
  explicit MemberReader(std::string_view container) : rest_(container.substr(1)) {}

  // The text of the next value; false at the closing bracket.
  bool next(std::string_view* value) {
    skip_separators();
    if (rest_.front() == ']' || rest_.front() == '}') return false;
    *value = take_value();
    return true;
  }

  // The same for objects; `key` without its quotes.
  bool next(std::string_view* key, std::string_view* value) {
    if (!next(key)) return false;
    *key = key->substr(1, key->size() - 2);
    return next(value);
  }

 private:
  void skip_separators() {
    while (is_space(rest_.front()) || rest_.front() == ',' || rest_.front() == ':') rest_.remove_prefix(1);
  }

  std::string_view take_value() {
    size_t end = 0;
    int open = 0;
    do {
      const char c = rest_[end];
      if (c == '"') {
        end = string_end(end);
      } else if (c == '[' || c == '{') {
        ++open;
        ++end;
      } else if (c == ']' || c == '}') {
        --open;
        ++end;
      } else {
        ++end;
        if (open == 0) end = scalar_end(end);
      }
    } while (open > 0);
    const std::string_view value = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return value;
  }

  [[nodiscard]] size_t string_end(size_t quote) const {
    size_t at = quote + 1;
    while (rest_[at] != '"') at += rest_[at] == '\\' ? 2 : 1;
    return at + 1;
  }

  [[nodiscard]] size_t scalar_end(size_t at) const {
    const auto ends = [](char c) { return is_space(c) || c == ',' || c == ']' || c == '}'; };
    while (at < rest_.size() && !ends(rest_[at])) ++at;
    return at;
  }

  std::string_view rest_;
};

class ValueWriter {
 public:
  ValueWriter(bool reject_unknown, std::string* scratch, Fault* fault)
      : reject_unknown_(reject_unknown), scratch_(*scratch), fault_(*fault) {}

  bool write(std::string_view json, int64_t row, ColumnWriter* writer) {
    if (writer->kind() == TypeKind::kJson && json != "null") {
      writer->write_bytes(row, json);
      return true;
    }
    RejectCode code = RejectCode::kWrongType;
    switch (json.front()) {
      case '[':
        if (writer->kind() == TypeKind::kList) return write_list(json, row, writer);
        break;
      case '{':
        if (writer->kind() == TypeKind::kStruct) return write_struct(json, row, writer);
        break;
      case '"': code = write_string(json.substr(1, json.size() - 2), row, writer); break;
      case 't':
      case 'f': code = writer->write_bool(row, json.front() == 't'); break;
      case 'n': break;
      default: {
        JsonNumber number;
        if (scan_json_number(json, &number)) code = writer->write_number(row, number);
      }
    }
    if (code == RejectCode::kNone) return true;
    fault_ = {code, "", misfit_reason(code, writer->type(), json)};
    return false;
  }

 private:
  RejectCode write_string(std::string_view body, int64_t row, ColumnWriter* writer) {
    if (!has_escape(body)) return writer->write_string(row, body);
    (void)unescape_json(body, &scratch_);
    return writer->write_string(row, scratch_);
  }

  bool write_list(std::string_view json, int64_t row, ColumnWriter* writer) {
    ColumnWriter& items = writer->children().front();
    const int64_t first = writer->first_item(row);
    int64_t count = 0;
    std::string_view item;
    for (MemberReader members(json); members.next(&item); ++count) {
      if (const Status status = items.reserve(first + count + 1); !status.ok()) return write_failed(status);
      if (!write(item, first + count, &items)) {
        fault_.pointer.insert(0, "/" + std::to_string(count));
        return false;
      }
    }
    writer->write_list(row, count);
    return true;
  }

  bool write_struct(std::string_view json, int64_t row, ColumnWriter* writer) {
    const std::vector<TypedField>& fields = writer->type().children;
    std::vector<bool> seen(fields.size());
    std::string_view raw_key;
    std::string_view value;
    for (MemberReader members(json); members.next(&raw_key, &value);) {
      std::string key(raw_key);
      if (has_escape(raw_key)) (void)unescape_json(raw_key, &key);
      size_t at = 0;
      while (at < fields.size() && fields[at].name != key) ++at;
      if (at == fields.size()) {
        if (!reject_unknown_) continue;
        return fail_field(RejectCode::kUnknownField, key, "the struct has no such field");
      }
      if (value == "null") continue;
      seen[at] = true;
      if (!write(value, row, &writer->children()[at])) {
        std::string pointer;
        append_pointer_token(key, &pointer);
        fault_.pointer.insert(0, pointer);
        return false;
      }
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      if (!seen[i]) return fail_field(RejectCode::kMissingField, fields[i].name, "fields of a struct are required");
    }
    writer->write_struct(row);
    return true;
  }

  bool fail_field(RejectCode code, std::string_view key, const char* reason) {
    fault_ = {code, "", reason};
    append_pointer_token(key, &fault_.pointer);
    return false;
  }

  // No memory is a failure of the system, not of the event: the column's failure() says so after the batch.
  bool write_failed(const Status& status) {
    fault_ = {RejectCode::kTooLarge, "", status.message()};
    return false;
  }

  const bool reject_unknown_;
  std::string& scratch_;
  Fault& fault_;
};

}  // namespace

bool write_json_value(std::string_view json, bool reject_unknown, int64_t row, ColumnWriter* writer,
                      std::string* scratch, Fault* fault) {
  return ValueWriter(reject_unknown, scratch, fault).write(json, row, writer);
}

}  // namespace weir
