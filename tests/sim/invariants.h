#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "tests/fakes/fake_cluster.h"
#include "tests/fakes/fake_hot_table.h"
#include "tests/fakes/fake_key_value.h"
#include "tests/fakes/fake_lake_table.h"
#include "tests/fakes/fake_stream.h"

namespace weir::sim {

/// A backfill lake -> ClickHouse as it is kept for the next process, and what all of them did.
struct HistoryJob {
  int number = 0;  ///< 0: there never was one.
  bool done = false;
  Seq upper{0};
  std::vector<RowId> rows;  ///< All rows of the lake's pinned version up to `upper`, newest first.
  size_t version = 0;    ///< Of the lake's table that it reads.
  std::string table_id;  ///< Of the table that it fills.
  size_t rows_per_block = 1;
  std::set<size_t> blocks_done;  ///< Block 0 has the newest rows.
  int resolves = 0;
  int writes = 0;
  int finished = 0;
  int64_t rows_inserted = 0;
};

/// What upkeep did, whoever ran it.
struct UpkeepTotals {
  int rounds = 0;
  int checkpoints = 0;
  int vacuums_held_by_a_job = 0;
  int64_t files_compacted = 0;
  int64_t files_vacuumed = 0;
  int64_t log_entries_removed = 0;

  UpkeepTotals& operator+=(const UpkeepTotals& other);
};

/// All that outlives a process.
struct Stores {
  fakes::StreamHistory stream;
  fakes::LakeState lake;
  fakes::LakeState dead_letters;
  fakes::HotState hot;
  fakes::ClusterState cluster;
  fakes::KeyValueState key_value;
  std::vector<fakes::KeyValueState> key_value_history;  ///< Earlier states that a crash may bring back.
  std::set<RowId> quarantined;
  bool all_owed = false;      ///< ClickHouse was there from the first event on, and nobody dropped, skipped or lost a thing.
  Seq announced_through{0};  ///< Highest sequence that KV ever announced for ClickHouse.
  HistoryJob job;
  int64_t now_ms = 0;                           ///< The wall clock. Runs faster than that of the coordinators: hours pass.
  std::chrono::milliseconds retention{0};       ///< Of every vacuum of this run,
  std::chrono::milliseconds log_retention{0};   ///< and of every clean-up of the log.
  UpkeepTotals upkeep;

  /// Notes what KV announces now. Called before every call to a store.
  void note_announcement();
};

/// The lake's rows at a version, up to `upper`, newest first.
[[nodiscard]] std::vector<RowId> lake_rows(const Stores& stores, size_t version, Seq upper);

/// The first of I1-I3 that does not hold, with what was seen; empty when all hold.
[[nodiscard]] std::string violated_invariant(const Stores& stores);

/// What either store lacks of the whole stream; empty when both are exact.
[[nodiscard]] std::string incompleteness(const Stores& stores);

}  // namespace weir::sim
