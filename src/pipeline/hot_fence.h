#pragma once

#include <cstdint>

#include "ports/hot_table.h"

namespace weir::pipeline {

/// What ClickHouse compares inside an INSERT counts take-overs and, inside one, resolves (docs/decisions/0006):
/// epoch * 1,000,000 + n. Fence number of the n-th resolve of an epoch, and back.
[[nodiscard]] Epoch fence_of(Epoch epoch, int64_t resolve);
[[nodiscard]] Epoch epoch_of_fence(Epoch fence);

/// Raises the writer's fence above what it holds and above `floor`, and returns its number, one of `epoch`. kFenced: it
/// holds a number of a newer epoch. kConflict: others of this epoch raise it at the same time.
[[nodiscard]] Result<Epoch> raise_fence_above(HotTable& table, const HotWriter& writer, Epoch epoch, Epoch floor);

}  // namespace weir::pipeline
