#include "tests/sim/invariants.h"

#include <algorithm>

#include "batch/row_ids.h"
#include "pipeline/hot_position.h"
#include "pipeline/lake_ledger.h"

namespace weir::sim {
namespace {

using fakes::EventKind;

std::vector<RowId> expected(const Stores& stores, EventKind kind, SeqRange range) {
  std::vector<RowId> ids;
  for (Seq seq = range.first; seq <= range.last; seq = seq + 1) {
    if (stores.stream.events[static_cast<size_t>(seq.value - 1)] == kind) ids.push_back({seq, 0});
  }
  return ids;
}

std::vector<RowId> ids_at(const fakes::LakeState& lake, size_t version) {
  std::vector<RowId> ids;
  for (const auto& batch : lake.rows_at(version)) {
    const auto some = row_ids(*batch);
    ids.insert(ids.end(), some->begin(), some->end());
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::vector<RowId> ids_of(const fakes::LakeState& lake) { return ids_at(lake, lake.log.size() - 1); }

std::string describe(const char* what, const std::vector<RowId>& seen, const std::vector<RowId>& wanted) {
  std::vector<RowId> missing;
  std::vector<RowId> surplus;
  std::set_difference(wanted.begin(), wanted.end(), seen.begin(), seen.end(), std::back_inserter(missing));
  std::set_difference(seen.begin(), seen.end(), wanted.begin(), wanted.end(), std::back_inserter(surplus));
  std::string text = std::string(what) + ":";
  for (const RowId& id : missing) text += " missing " + to_string(id.seq);
  for (const RowId& id : surplus) text += " surplus " + to_string(id.seq);
  return text;
}

int64_t lake_position(const Stores& stores) { return stores.lake.txn(position_app_id("t", 0)).value_or(0); }

std::string violated_i1(const Stores& stores) {
  const SeqRange covered{Seq{1}, Seq{lake_position(stores)}};
  const auto rows = ids_of(stores.lake);
  const auto wanted = expected(stores, EventKind::kRow, covered);
  if (rows != wanted) return describe("I1 lake", rows, wanted);
  auto dead_letters = ids_of(stores.dead_letters);
  std::erase_if(dead_letters, [&](const RowId& id) { return id.seq > covered.last; });
  const auto wanted_dead = expected(stores, EventKind::kReject, covered);
  if (dead_letters != wanted_dead) return describe("I1 dead letters", dead_letters, wanted_dead);
  const auto all = ids_of(stores.dead_letters);
  if (std::adjacent_find(all.begin(), all.end()) != all.end()) return "I1: a dead letter is there twice";
  const auto counted = [&](const char* name) {
    return stores.lake.txn(position_app_id("t", 0) + "/" + name).value_or(0);
  };
  if (counted("rejects") != static_cast<int64_t>(wanted_dead.size()) ||
      counted("events") - counted("filtered") - counted("rejects") != static_cast<int64_t>(rows.size())) {
    return "published = rows + filtered + dead letters does not hold";
  }
  return "";
}

// What a backfill says is done is there, for as long as the table lives.
std::string violated_by_job(const Stores& stores) {
  const HistoryJob& job = stores.job;
  if (!stores.hot.exists || job.table_id != std::to_string(stores.hot.made)) return "";
  for (size_t i = 0; i < job.rows.size(); ++i) {
    if (!job.done && !job.blocks_done.contains(i / job.rows_per_block)) continue;
    if (!stores.hot.rows.contains(job.rows[i]) && !stores.quarantined.contains(job.rows[i])) {
      return "I2: row " + to_string(job.rows[i].seq) + " was backfilled and is not in ClickHouse";
    }
  }
  return "";
}

std::string violated_i2(const Stores& stores) {
  if (std::adjacent_find(stores.hot.rows.begin(), stores.hot.rows.end()) != stores.hot.rows.end()) {
    return "I2: ClickHouse holds row " +
           to_string(std::adjacent_find(stores.hot.rows.begin(), stores.hot.rows.end())->seq) + " twice";
  }
  if (auto text = violated_by_job(stores); !text.empty()) return text;
  const auto entry = stores.key_value.entries.find("hot/t/0");
  if (entry == stores.key_value.entries.end()) return "";
  const auto position = pipeline::hot_position_from_json(entry->second.value);
  if (!position.ok()) return position.status().to_string();
  // A table that is empty at a position may as well have been emptied; before the first row that makes no difference.
  if (stores.all_owed && !expected(stores, EventKind::kRow, {Seq{1}, position->hot_start}).empty()) {
    return "I2: hot_start is " + to_string(position->hot_start) + ", and nothing was dropped, skipped or lost";
  }
  // Of a table that somebody dropped KV says nothing; nobody has noticed yet.
  const bool of_this_table = stores.hot.exists && position->table_id == std::to_string(stores.hot.made);
  const SeqRange claimed = of_this_table ? SeqRange{position->hot_start + 1, position->hot_position} : SeqRange{};
  for (const RowId& id : expected(stores, EventKind::kRow, claimed)) {
    if (!stores.hot.rows.contains(id) && !stores.quarantined.contains(id)) {
      return "I2: row " + to_string(id.seq) + " is at or below hot_position " + to_string(position->hot_position) +
             " and not in ClickHouse";
    }
  }
  if (!stores.hot.rows.empty() && stores.hot.rows.rbegin()->seq > stores.announced_through) {
    return "I2: row " + to_string(stores.hot.rows.rbegin()->seq) + " is above everything announced";
  }
  return "";
}

}  // namespace

UpkeepTotals& UpkeepTotals::operator+=(const UpkeepTotals& other) {
  rounds += other.rounds;
  checkpoints += other.checkpoints;
  vacuums_held_by_a_job += other.vacuums_held_by_a_job;
  files_compacted += other.files_compacted;
  files_vacuumed += other.files_vacuumed;
  log_entries_removed += other.log_entries_removed;
  return *this;
}

void Stores::note_announcement() {
  const auto entry = key_value.entries.find("hot/t/0");
  if (entry == key_value.entries.end()) return;
  const auto position = pipeline::hot_position_from_json(entry->second.value);
  if (!position.ok()) return;
  announced_through = std::max(announced_through, position->hot_position);
  if (position->in_flight) announced_through = std::max(announced_through, position->in_flight->range.last);
}

std::vector<RowId> lake_rows(const Stores& stores, size_t version, Seq upper) {
  std::vector<RowId> ids = ids_at(stores.lake, version);
  std::erase_if(ids, [&](const RowId& id) { return id.seq > upper; });
  std::reverse(ids.begin(), ids.end());
  return ids;
}

std::string violated_invariant(const Stores& stores) {
  if (auto text = violated_i1(stores); !text.empty()) return text;
  if (auto text = violated_i2(stores); !text.empty()) return text;
  if (stores.stream.released.value > lake_position(stores)) {
    return "I3: released " + to_string(stores.stream.released) + " above the lake";
  }
  return "";
}

std::string incompleteness(const Stores& stores) {
  const SeqRange all{Seq{1}, Seq{static_cast<int64_t>(stores.stream.events.size())}};
  if (lake_position(stores) != all.last.value) return "the lake stands at " + std::to_string(lake_position(stores));
  std::vector<RowId> hot(stores.hot.rows.begin(), stores.hot.rows.end());
  hot.insert(hot.end(), stores.quarantined.begin(), stores.quarantined.end());
  std::sort(hot.begin(), hot.end());
  const auto wanted = expected(stores, EventKind::kRow, all);
  return hot == wanted ? "" : describe("ClickHouse", hot, wanted);
}

}  // namespace weir::sim
