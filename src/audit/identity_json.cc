#include "audit/identity_json.h"

#include <utility>

namespace weir::audit {

nlohmann::ordered_json ranges_to_json(const IdentitySet& identities, int32_t shard) {
  nlohmann::ordered_json ranges = nlohmann::ordered_json::array();
  const auto found = identities.shards().find(shard);
  if (found == identities.shards().end()) return ranges;
  for (const IdentityRange& range : found->second) {
    ranges.push_back({range.seqs.first.value, range.seqs.last.value, range.row});
  }
  return ranges;
}

void add_ranges(const nlohmann::json& ranges, int32_t shard, IdentitySet* identities) {
  for (const auto& range : ranges) {
    identities->add(shard, {.seqs = {Seq{range.at(0).get<int64_t>()}, Seq{range.at(1).get<int64_t>()}},
                            .row = range.at(2).get<int32_t>()});
  }
}

nlohmann::ordered_json to_json(const IdentitySet& identities) {
  nlohmann::ordered_json shards = nlohmann::ordered_json::array();
  for (const auto& [shard, ranges] : identities.shards()) {
    shards.push_back(
        {{"shard", shard}, {"rows", identities.size(shard)}, {"ranges", ranges_to_json(identities, shard)}});
  }
  return shards;
}

IdentitySet identities_from_json(const nlohmann::json& shards) {
  IdentitySet identities;
  for (const auto& shard : shards) add_ranges(shard.at("ranges"), shard.at("shard").get<int32_t>(), &identities);
  identities.finish();
  return identities;
}

}  // namespace weir::audit
