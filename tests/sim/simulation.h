#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pipeline/coordinator.h"
#include "pipeline/executor.h"
#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::sim {

struct Options {
  uint64_t seed = 0;
  int64_t events = 300;
  double fault_rate = 0.04;      ///< Of every call to a store.
  double takeover_rate = 0.004;  ///< Of every call: the caller is paused there and a newer process runs.
  int steps_max = 200'000;
};

/// What a run did, for the test to see that it was not an idle one.
struct Report {
  std::string violation;  ///< Empty: I1-I8 held after every step and both stores are complete.
  int processes = 0;
  int kills = 0;
  int takeovers = 0;
  int fenced = 0;
  int late_landings = 0;
  int steps = 0;
};

/// Runs the product's coordinator, executor and sinks over fakes in virtual time, from one seed: kills, pauses, takes over,
/// delays, loses requests and answers, loses the tail of KV and the fence of ClickHouse, and checks the invariants of
/// docs/ARCHITECTURE.md after each step.
[[nodiscard]] Report simulate(const Options& options);

}  // namespace weir::sim
