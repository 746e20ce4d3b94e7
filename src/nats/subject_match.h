#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace weir::nats {

// NATS subjects: tokens separated by dots. In a pattern `*` stands for one token and a final `>` for one or more.

/// Not empty, no empty token, no white space, `>` only as the last token.
[[nodiscard]] bool is_valid_pattern(std::string_view pattern);

/// True when the literal `subject` matches `pattern`. Does not allocate.
[[nodiscard]] bool subject_matches(std::string_view pattern, std::string_view subject);

/// True when everything that matches `narrow` also matches `wide`.
[[nodiscard]] bool is_subset(std::string_view narrow, std::string_view wide);

/// True when some subject matches both.
[[nodiscard]] bool overlaps(std::string_view a, std::string_view b);

/// The patterns without those that another one contains, in their order. Matches exactly what `patterns` match.
[[nodiscard]] std::vector<std::string> without_subsets(std::span<const std::string> patterns);

}  // namespace weir::nats
