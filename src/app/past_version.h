#pragma once

#include <cstdint>
#include <memory>

#include "app/lake_reader.h"
#include "base/status.h"
#include "engine/object_store.h"
#include "lake/delta_lake_table.h"

namespace weir::app {

/// The version of the table that `time` names, with all its data files there. Requires: one member of `time` is set.
/// kNotFound: there is no such version, none that old, or a vacuum deleted files of it; says which versions can be read.
[[nodiscard]] Result<std::shared_ptr<const LakeSnapshot>> past_snapshot(const engine::ObjectStore& objects,
                                                                        lake::DeltaLakeTable& table, const LakeTime& time);

}  // namespace weir::app
