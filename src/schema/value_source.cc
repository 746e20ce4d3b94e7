#include <charconv>

#include "schema/table_schema.h"

namespace weir {
namespace {

constexpr int kSubjectTokenMax = 256;

Status bad_source(std::string_view text, std::string_view what) {
  return invalid_argument("from = \"" + std::string(text) + "\": " + std::string(what) +
                          "; possible are a JSON Pointer like \"/a/b\", \"header:Name\", \"subject:2\", \"payload\"");
}

bool is_header_name(std::string_view name) {
  for (const char c : name) {
    if (c <= ' ' || c >= 0x7f || c == ':') return false;
  }
  return !name.empty();
}

}  // namespace

Result<ValueSource> parse_value_source(std::string_view text) {
  constexpr std::string_view kHeaderPrefix = "header:";
  constexpr std::string_view kSubjectPrefix = "subject:";
  if (text == "payload") return ValueSource{.kind = ValueSource::Kind::kPayload};
  if (text.starts_with(kHeaderPrefix)) {
    const std::string_view name = text.substr(kHeaderPrefix.size());
    if (!is_header_name(name)) return bad_source(text, "a header's name is printable ASCII without space and colon");
    return ValueSource{.kind = ValueSource::Kind::kHeader, .text = std::string(name)};
  }
  if (text.starts_with(kSubjectPrefix)) {
    const std::string_view digits = text.substr(kSubjectPrefix.size());
    int token = 0;
    const auto [stop, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), token);
    if (failure != std::errc() || stop != digits.data() + digits.size() || token < 1 || token > kSubjectTokenMax) {
      return bad_source(text, "tokens of a subject are counted from 1 to " + std::to_string(kSubjectTokenMax));
    }
    return ValueSource{.kind = ValueSource::Kind::kSubjectToken, .token = token};
  }
  if (text.empty()) return bad_source(text, "the whole payload is \"payload\"");
  if (text.front() != '/') return bad_source(text, "a JSON Pointer begins with '/'");
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '~' && (i + 1 == text.size() || (text[i + 1] != '0' && text[i + 1] != '1'))) {
      return bad_source(text, "in a JSON Pointer '~' is written ~0 and '/' in a name ~1");
    }
  }
  return ValueSource{.kind = ValueSource::Kind::kPointer, .text = std::string(text)};
}

std::string to_string(const ValueSource& source) {
  switch (source.kind) {
    case ValueSource::Kind::kPointer: return source.text;
    case ValueSource::Kind::kHeader: return "header:" + source.text;
    case ValueSource::Kind::kSubjectToken: return "subject:" + std::to_string(source.token);
    case ValueSource::Kind::kPayload: break;
  }
  return "payload";
}

}  // namespace weir
