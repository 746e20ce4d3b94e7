#include "audit/identity_set.h"

#include <algorithm>
#include <tuple>

namespace weir::audit {
namespace {

auto order_of(const IdentityRange& range) { return std::tuple(range.row, range.seqs.first, range.seqs.last); }

}  // namespace

void IdentitySet::add(const IdentitySet& other) {
  for (const auto& [shard, ranges] : other.shards_) {
    auto& ours = shards_[shard];
    ours.insert(ours.end(), ranges.begin(), ranges.end());
  }
}

void IdentitySet::finish() {
  for (auto& [shard, ranges] : shards_) {
    std::ranges::sort(ranges, {}, order_of);
    std::vector<IdentityRange> merged;
    for (const IdentityRange& range : ranges) {
      if (!merged.empty() && merged.back().row == range.row && range.seqs.first <= merged.back().seqs.last + 1) {
        merged.back().seqs.last = std::max(merged.back().seqs.last, range.seqs.last);
      } else {
        merged.push_back(range);
      }
    }
    ranges = std::move(merged);
  }
}

bool IdentitySet::contains(int32_t shard, RowId id) const {
  const auto found = shards_.find(shard);
  if (found == shards_.end()) return false;
  // The last range that begins at or before it.
  const auto after =
      std::ranges::upper_bound(found->second, std::tuple(id.row, id.seq), {},
                               [](const IdentityRange& range) { return std::tuple(range.row, range.seqs.first); });
  return after != found->second.begin() && std::prev(after)->row == id.row && std::prev(after)->seqs.contains(id.seq);
}

bool IdentitySet::touches(int32_t shard, SeqRange seqs) const {
  const auto found = shards_.find(shard);
  if (found == shards_.end()) return false;
  return std::ranges::any_of(found->second, [&](const IdentityRange& range) {
    return range.seqs.first <= seqs.last && seqs.first <= range.seqs.last;
  });
}

int64_t IdentitySet::size(int32_t shard) const {
  const auto found = shards_.find(shard);
  int64_t size = 0;
  if (found != shards_.end()) {
    for (const IdentityRange& range : found->second) size += range.seqs.length();
  }
  return size;
}

int64_t IdentitySet::size() const {
  int64_t identities = 0;
  for (const auto& [shard, ranges] : shards_) identities += size(shard);
  return identities;
}

}  // namespace weir::audit
