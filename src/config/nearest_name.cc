#include "config/nearest_name.h"

#include <algorithm>
#include <vector>

namespace weir {
namespace {

// Optimal string alignment distance (Damerau 1964, each place edited at most once), three rows at a time.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> last(b.size() + 1);
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(last);
    last.swap(row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view nearest_name(std::string_view name, std::span<const std::string_view> candidates) {
  constexpr size_t kPrefixBytesMin = 4;
  constexpr size_t kNameBytesMax = 128;  // Longer ones were never meant to be a key.
  if (name.size() > kNameBytesMax) return {};
  std::string_view nearest;
  size_t fewest = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string_view candidate : candidates) {
    const size_t distance = edit_distance(name, candidate);
    if (distance < fewest && distance < candidate.size()) {
      fewest = distance;
      nearest = candidate;
    }
  }
  if (!nearest.empty() || name.size() < kPrefixBytesMin) return nearest;
  const auto longer = std::find_if(candidates.begin(), candidates.end(),
                                   [&](std::string_view candidate) { return candidate.starts_with(name); });
  return longer == candidates.end() ? std::string_view() : *longer;
}

}  // namespace weir
