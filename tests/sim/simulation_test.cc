#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

#include <cstdlib>

namespace weir::sim {
namespace {

// WEIR_SIM_SEEDS=n runs more of them, WEIR_SIM_SEED=s replays one.
int64_t from_environment(const char* name, int64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::atoll(text);
}

TEST(Simulation, EveryEventIsInBothStoresOnceWhateverFails) {
  Report total;
  const int64_t only = from_environment("WEIR_SIM_SEED", -1);
  const int64_t first = only >= 0 ? only : 1;
  const int64_t last = only >= 0 ? only : from_environment("WEIR_SIM_SEEDS", 300);
  for (int64_t seed = first; seed <= last; ++seed) {
    const Report report = simulate({.seed = static_cast<uint64_t>(seed)});
    ASSERT_EQ(report.violation, "") << "replay with WEIR_SIM_SEED=" << seed;
    total.processes += report.processes;
    total.kills += report.kills;
    total.takeovers += report.takeovers;
    total.fenced += report.fenced;
    total.late_landings += report.late_landings;
    total.drops += report.drops;
    total.skips += report.skips;
    total.backfills += report.backfills;
    total.backfill_writes += report.backfill_writes;
    total.backfill_resolves += report.backfill_resolves;
    total.backfilled_rows += report.backfilled_rows;
    total.maintain_commands += report.maintain_commands;
    total.maintain_kills += report.maintain_kills;
    total.rewrites_refused += report.rewrites_refused;
    total.standstills += report.standstills;
    total.executions += report.executions;
    total.doubled += report.doubled;
    total.overdue += report.overdue;
    total.lost += report.lost;
    total.upkeep += report.upkeep;
  }
  std::printf("%lld seeds: %d processes, %d killed, %d taken over while paused, %d fenced, %d late effects\n",
              static_cast<long long>(last - first + 1), total.processes, total.kills, total.takeovers, total.fenced,
              total.late_landings);
  std::printf("%d tables dropped, %d skips, %d backfills: %d writes, %lld rows, %d resolves\n", total.drops, total.skips,
              total.backfills, total.backfill_writes, static_cast<long long>(total.backfilled_rows),
              total.backfill_resolves);
  std::printf("%d executions of parts of jobs: %d doubled, %d after their job was over, %d without a committable\n",
              total.executions, total.doubled, total.overdue, total.lost);
  const UpkeepTotals& upkeep = total.upkeep;
  std::printf("%d rounds of upkeep, %d of them commands, %d killed: %lld files compacted, %d rewrites refused, %d checkpoints\n",
              upkeep.rounds, total.maintain_commands, total.maintain_kills, static_cast<long long>(upkeep.files_compacted),
              total.rewrites_refused, upkeep.checkpoints);
  std::printf("%lld files vacuumed, %d vacuums held by a job, %lld entries of the log removed, %d standstills\n",
              static_cast<long long>(upkeep.files_vacuumed), upkeep.vacuums_held_by_a_job,
              static_cast<long long>(upkeep.log_entries_removed), total.standstills);
  if (only < 0) {
    EXPECT_GT(total.kills, 100);
    EXPECT_GT(total.takeovers, 100);
    EXPECT_GT(total.fenced, 20);
    EXPECT_GT(total.late_landings, 100);
    EXPECT_GT(total.drops, 100);
    EXPECT_GT(total.doubled, 100);
    EXPECT_GT(total.overdue, 100);
    EXPECT_GT(total.lost, 100);
    EXPECT_GT(total.skips, 100);
    EXPECT_GT(total.backfilled_rows, 10'000);
  }
}

TEST(Simulation, WithoutFaultsOneProcessDoesItAll) {
  const Report report =
      simulate({.seed = 7, .events = 2000, .fault_rate = 0, .takeover_rate = 0, .drop_rate = 0, .cluster_rate = 0});
  EXPECT_EQ(report.violation, "");
  EXPECT_EQ(report.processes, 2);  // The second is the quiet one that looks once more.
  EXPECT_EQ(report.executions, 0);
}

TEST(Simulation, WithoutFaultsAClusterDoesItAll) {
  const Report report =
      simulate({.seed = 7, .events = 2000, .fault_rate = 0, .takeover_rate = 0, .drop_rate = 0, .cluster_rate = 1});
  EXPECT_EQ(report.violation, "");
  EXPECT_GT(report.executions, 100);
  EXPECT_EQ(report.doubled + report.overdue + report.lost, 0);
}

}  // namespace
}  // namespace weir::sim
