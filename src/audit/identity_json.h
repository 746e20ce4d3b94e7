#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "audit/identity_set.h"

namespace weir::audit {

/// One shard's identities as `[[first, last, row], ..]`.
[[nodiscard]] nlohmann::ordered_json ranges_to_json(const IdentitySet& identities, int32_t shard);

/// Adds what ranges_to_json() made. Throws nlohmann::json::exception: it is something else.
void add_ranges(const nlohmann::json& ranges, int32_t shard, IdentitySet* identities);

/// `[{"shard", "rows", "ranges"}, ..]`.
[[nodiscard]] nlohmann::ordered_json to_json(const IdentitySet& identities);

/// What to_json() made, finished. Throws nlohmann::json::exception: it is something else.
[[nodiscard]] IdentitySet identities_from_json(const nlohmann::json& shards);

}  // namespace weir::audit
