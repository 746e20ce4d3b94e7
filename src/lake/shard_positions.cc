#include "lake/shard_positions.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace weir::lake {
namespace {

// The shard in `weir/<table>/<shard><suffix>`; empty for any other app id.
std::optional<int32_t> shard_of(std::string_view app_id, std::string_view table, std::string_view suffix) {
  const std::string prefix = "weir/" + std::string(table) + "/";
  if (!app_id.starts_with(prefix) || !app_id.ends_with(suffix)) return std::nullopt;
  if (app_id.size() <= prefix.size() + suffix.size()) return std::nullopt;
  const std::string_view number = app_id.substr(prefix.size(), app_id.size() - prefix.size() - suffix.size());
  int32_t shard = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), shard);
  if (error != std::errc() || end != number.data() + number.size()) return std::nullopt;
  return shard;
}

}  // namespace

std::map<int32_t, Seq> shard_positions(const std::map<std::string, int64_t>& txns, std::string_view table) {
  std::map<int32_t, Seq> positions;
  for (const auto& [app_id, version] : txns) {
    if (const auto shard = shard_of(app_id, table, "")) positions.emplace(*shard, Seq{version});
  }
  return positions;
}

Epoch highest_epoch(const std::map<std::string, int64_t>& txns, std::string_view table) {
  Epoch highest{0};
  for (const auto& [app_id, version] : txns) {
    if (shard_of(app_id, table, "/epoch")) highest = std::max(highest, Epoch{version});
  }
  return highest;
}

}  // namespace weir::lake
