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
  double drop_rate = 0.0015;     ///< Of every call: somebody drops the ClickHouse table.
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
  int drops = 0;             ///< Of the ClickHouse table.
  int skips = 0;             ///< Of the live path, ahead to the lake's position.
  int backfills = 0;         ///< That were finished.
  int backfill_writes = 0;
  int backfill_resolves = 0;
  int64_t backfilled_rows = 0;  ///< That a backfill inserted, not those it found.
  int steps = 0;
};

/// Runs the product's coordinator, executor and sinks over fakes in virtual time, from one seed, with backfills into
/// ClickHouse beside them: kills, pauses, takes over, delays, loses requests and answers, loses the tail of KV and the fences
/// of ClickHouse, drops its table, and checks the invariants of docs/ARCHITECTURE.md after each step.
[[nodiscard]] Report simulate(const Options& options);

}  // namespace weir::sim
