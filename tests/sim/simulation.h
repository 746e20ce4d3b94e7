#pragma once

#include <cstdint>
#include <string>

#include "tests/sim/invariants.h"

namespace weir::sim {

struct Options {
  uint64_t seed = 0;
  int64_t events = 300;
  double fault_rate = 0.04;      ///< Of every call to a store.
  double takeover_rate = 0.004;  ///< Of every call: the caller is paused there and a newer process runs.
  double drop_rate = 0.0015;     ///< Of every call: somebody drops the ClickHouse table.
  double upkeep_rate = 0.02;     ///< Of every step: a round of upkeep inside the process.
  double maintain_rate = 0.004;  ///< Of every call: a `weir maintain` runs while the caller stands still.
  double cluster_rate = 0.5;     ///< Of the processes: a cluster reads and transforms for them.
  int steps_max = 200'000;
};

/// What a run did, for the test to see that it was not an idle one.
struct Report {
  std::string violation;  ///< Empty: I1-I9 held after every step and both stores are complete.
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
  int maintain_commands = 0;
  int maintain_kills = 0;
  int standstills = 0;  ///< Processes that never went on, having stood still for longer than upkeep reckons with.
  int executions = 0;    ///< Of parts of jobs,
  int doubled = 0;       ///< of parts that were done twice at once,
  int overdue = 0;       ///< of jobs that were over by then, and
  int lost = 0;          ///< without a committable.
  int rewrites_refused = 0;  ///< Because another one had taken the same files.
  UpkeepTotals upkeep;
  int steps = 0;
};

/// Runs the product's coordinator, executor and sinks over fakes in virtual time, from one seed, with backfills into
/// ClickHouse and the upkeep of the lake beside them: kills, pauses, takes over, delays, loses requests and answers, loses the tail of KV and the fences
/// of ClickHouse, drops its table, and checks the invariants of docs/ARCHITECTURE.md after each step.
[[nodiscard]] Report simulate(const Options& options);

}  // namespace weir::sim
