#pragma once

#include <set>
#include <string>
#include <vector>

#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::sim {

inline constexpr int64_t kHeldBytesMax = 5'000;

/// All that outlives a process.
struct Stores {
  fakes::StreamHistory stream;
  fakes::LakeState lake;
  fakes::LakeState dead_letters;
  fakes::HotState hot;
  fakes::KeyValueState key_value;
  std::vector<fakes::KeyValueState> key_value_history;  ///< Earlier states that a crash may bring back.
  bool key_value_lost = false;                          ///< A crash did.
  std::set<RowId> quarantined;
  Seq announced_through{0};  ///< Highest sequence that KV ever announced for ClickHouse.

  /// Notes what KV announces now. Called before every call to a store.
  void note_announcement();
};

/// The first of I1-I3 that does not hold, with what was seen; empty when all hold.
[[nodiscard]] std::string violated_invariant(const Stores& stores);

/// What either store lacks of the whole stream; empty when both are exact.
[[nodiscard]] std::string incompleteness(const Stores& stores);

}  // namespace weir::sim
