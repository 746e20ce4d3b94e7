#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "tests/fakes/fake_lake_state.h"

namespace weir::sim {

/// What upkeep must leave as it is (I9), for one table. Remembers how far it has looked.
class LakeWatch {
 public:
  /// The first promise about `lake` that does not hold, with what was seen; empty when all hold. `kept_ms`: versions
  /// that were the newest within this time stay readable. `pinned`: so does this one.
  [[nodiscard]] std::string violation(const fakes::LakeState& lake, int64_t kept_ms, std::optional<size_t> pinned);

 private:
  std::string rewritten(const fakes::LakeState& lake);

  size_t versions_seen_ = 0;
  size_t deletions_seen_ = 0;
  std::vector<RowId> ids_;  // Of the newest version seen.
};

}  // namespace weir::sim
