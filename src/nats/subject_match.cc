#include "nats/subject_match.h"

#include <algorithm>

namespace weir::nats {
namespace {

/// Walks the tokens of a subject or pattern.
class Tokens {
 public:
  explicit Tokens(std::string_view text) : rest_(text), more_(!text.empty()) {}
  [[nodiscard]] bool more() const { return more_; }
  std::string_view take() {
    const size_t dot = rest_.find('.');
    const std::string_view token = rest_.substr(0, dot);
    more_ = dot != std::string_view::npos;
    rest_ = more_ ? rest_.substr(dot + 1) : std::string_view();
    return token;
  }

 private:
  std::string_view rest_;
  bool more_;
};

}  // namespace

bool is_valid_pattern(std::string_view pattern) {
  if (pattern.empty()) return false;
  const auto is_space_or_control = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
  if (std::any_of(pattern.begin(), pattern.end(), is_space_or_control)) return false;
  Tokens tokens(pattern);
  while (tokens.more()) {
    const std::string_view token = tokens.take();
    if (token.empty() || (token == ">" && tokens.more())) return false;
  }
  return pattern.back() != '.';
}

bool subject_matches(std::string_view pattern, std::string_view subject) { return is_subset(subject, pattern); }

bool is_subset(std::string_view narrow, std::string_view wide) {
  Tokens a(narrow);
  Tokens b(wide);
  while (a.more() && b.more()) {
    const std::string_view x = a.take();
    const std::string_view y = b.take();
    if (y == ">") return true;
    if (x == ">") return false;
    if (y != "*" && x != y) return false;
  }
  return !a.more() && !b.more();
}

bool overlaps(std::string_view a_pattern, std::string_view b_pattern) {
  Tokens a(a_pattern);
  Tokens b(b_pattern);
  while (a.more() && b.more()) {
    const std::string_view x = a.take();
    const std::string_view y = b.take();
    if (x == ">" || y == ">") return true;
    if (x != "*" && y != "*" && x != y) return false;
  }
  return !a.more() && !b.more();
}

std::vector<std::string> without_subsets(std::span<const std::string> patterns) {
  std::vector<std::string> kept;
  for (size_t i = 0; i < patterns.size(); ++i) {
    bool contained = false;
    for (size_t j = 0; j < patterns.size() && !contained; ++j) {
      // Of two equal ones the first stays.
      contained = j != i && is_subset(patterns[i], patterns[j]) && (patterns[i] != patterns[j] || j < i);
    }
    if (!contained) kept.push_back(patterns[i]);
  }
  return kept;
}

}  // namespace weir::nats
