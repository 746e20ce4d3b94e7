#include "pipeline/hot_fence.h"

#include <algorithm>
#include <string>

namespace weir::pipeline {
namespace {

constexpr int64_t kResolvesPerEpoch = 1'000'000;
constexpr int kRoundsMax = 5;

}  // namespace

Epoch fence_of(Epoch epoch, int64_t resolve) { return Epoch{epoch.value * kResolvesPerEpoch + resolve}; }
Epoch epoch_of_fence(Epoch fence) { return Epoch{fence.value / kResolvesPerEpoch}; }

Result<Epoch> raise_fence_above(HotTable& table, const HotWriter& writer, Epoch epoch, Epoch floor) {
  for (int round = 0; round < kRoundsMax; ++round) {
    WEIR_ASSIGN_OR_RETURN(const Epoch there, table.fence(writer));
    if (epoch_of_fence(there) > epoch) {
      return fenced("ClickHouse's fence is held by epoch " + std::to_string(epoch_of_fence(there).value) + ", ours is " +
                    std::to_string(epoch.value));
    }
    const Epoch next{std::max({there, floor, fence_of(epoch, 0)}).value + 1};
    const Status raised = table.raise_fence(writer, next);
    if (raised.ok()) return next;
    if (raised.code() != StatusCode::kFenced) return raised;  // Else somebody was faster: look who.
  }
  return conflict("ClickHouse's fence is raised by others of this process at the same time");
}

}  // namespace weir::pipeline
