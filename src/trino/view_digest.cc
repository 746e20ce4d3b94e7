#include "trino/view_digest.h"

#include "base/digest.h"

namespace weir::trino {
namespace {

constexpr std::string_view kMark = " weir-view:";
constexpr size_t kDigestLength = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

bool is_digest(std::string_view text) {
  return text.size() == kDigestLength && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string masked(std::string_view sql) {
  std::string text;
  for (size_t i = 0; i < sql.size();) {
    if (!is_digit(sql[i])) {
      text += sql[i++];
      continue;
    }
    size_t end = i;
    while (end < sql.size() && is_digit(sql[end])) ++end;
    const bool ends_name = end == sql.size() || !is_name(sql[end]);
    const bool in_name = i > 0 && is_name(sql[i - 1]);
    const bool of_hot_view = i > 1 && sql.substr(i - 2, 2) == "_h" && ends_name;
    if (in_name && !of_hot_view) {
      text += sql.substr(i, end - i);
    } else {
      text += '#';
    }
    i = end;
  }
  return text;
}

std::string digest_of_stored(std::string_view query) { return digest_hex(masked(query)); }

std::string digest_of_sent(std::string_view query, std::string_view server_version) {
  return digest_hex(masked(query) + "\n" + std::string(server_version));
}

std::string with_mark(std::string_view text, const ViewMark& mark) {
  return std::string(text) + std::string(kMark) + mark.stored + "." + mark.sent;
}

std::optional<ViewMark> mark_of(std::string_view comment) {
  const size_t at = comment.rfind(kMark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view mark = comment.substr(at + kMark.size());
  const size_t dot = mark.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const std::string_view stored = mark.substr(0, dot);
  const std::string_view sent = mark.substr(dot + 1);
  if (!is_digest(stored) || !is_digest(sent)) return std::nullopt;
  return ViewMark{std::string(stored), std::string(sent)};
}

}  // namespace weir::trino
