#include "tests/sim/lake_watch.h"

#include <algorithm>

#include "batch/row_ids.h"

namespace weir::sim {
namespace {

// As they were committed, whether or not the files are still there.
std::vector<RowId> ids_at(const fakes::LakeState& lake, size_t version) {
  std::vector<RowId> ids;
  for (const fakes::FileId file : lake.log[version].files) {
    const auto some = row_ids(*lake.files[file].rows);
    ids.insert(ids.end(), some->begin(), some->end());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::string unreadable(const fakes::LakeState& lake, size_t version, const std::string& why) {
  const std::string name = "I9: version " + std::to_string(version) + ", " + why + ", ";
  if (!lake.readable(version)) return name + "is no longer in the log";
  if (const auto file = lake.missing(version)) return name + "lacks " + fakes::path_of(*file);
  return "";
}

}  // namespace

std::string LakeWatch::rewritten(const fakes::LakeState& lake) {
  for (; versions_seen_ < lake.log.size(); ++versions_seen_) {
    std::vector<RowId> ids = ids_at(lake, versions_seen_);
    if (!lake.log[versions_seen_].data_change && ids != ids_) {
      return "I9: version " + std::to_string(versions_seen_) +
             " rewrites files and has other rows than the one before it";
    }
    ids_ = std::move(ids);
  }
  return "";
}

std::string LakeWatch::violation(const fakes::LakeState& lake, int64_t kept_ms, std::optional<size_t> pinned) {
  const size_t newest = lake.log.size() - 1;
  const bool looked_at = versions_seen_ == lake.log.size() && deletions_seen_ == lake.deletions;
  if (!looked_at) {
    if (auto text = rewritten(lake); !text.empty()) return text;
    deletions_seen_ = lake.deletions;
    if (auto text = unreadable(lake, newest, "the newest"); !text.empty()) return text;
    for (size_t v = newest; v-- > 0 && lake.log[v + 1].committed_ms > lake.now_ms() - kept_ms;) {
      if (auto text = unreadable(lake, v, "within the retention"); !text.empty()) return text;
    }
  }
  if (pinned) {
    if (auto text = unreadable(lake, *pinned, "which a backfill reads"); !text.empty()) return text;
  }
  for (const auto& [process, times] : lake.stumbles) {
    if (times > 2)
      return "upkeep made process " + std::to_string(process) + " fail " + std::to_string(times) + " times in a row";
  }
  return "";
}

}  // namespace weir::sim
