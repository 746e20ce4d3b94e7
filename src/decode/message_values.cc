#include "decode/message_values.h"

namespace weir {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

RejectCode find_header(std::string_view headers, std::string_view name, std::string_view* value, bool* found) {
  *found = false;
  while (!headers.empty()) {
    const size_t end = headers.find("\r\n");
    const std::string_view line = headers.substr(0, end);
    headers.remove_prefix(end == std::string_view::npos ? headers.size() : end + 2);
    if (line.empty()) continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return RejectCode::kBadHeader;
    if (line.substr(0, colon) != name) continue;
    if (*found) return RejectCode::kBadHeader;
    *found = true;
    *value = trim(line.substr(colon + 1));
  }
  return RejectCode::kNone;
}

bool subject_token(std::string_view subject, int number, std::string_view* token) {
  for (int i = 1; i < number; ++i) {
    const size_t dot = subject.find('.');
    if (dot == std::string_view::npos) return false;
    subject.remove_prefix(dot + 1);
  }
  *token = subject.substr(0, subject.find('.'));
  return true;
}

}  // namespace weir
