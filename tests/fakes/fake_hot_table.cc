#include "tests/fakes/fake_hot_table.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "batch/row_ids.h"

namespace weir::fakes {
namespace {

Status land(HotState& state, const std::vector<RowId>& ids, Epoch epoch) {
  if (!state.exists) return not_found("the table");
  if (state.fence != epoch) return fenced("the fence is at " + std::to_string(state.fence.value));
  for (const RowId& id : ids) {
    if (state.refused.contains(id)) return rejected("row " + to_string(id.seq));
  }
  state.rows.insert(ids.begin(), ids.end());
  return ok_status();
}

}  // namespace

Status FakeHotTable::reachable(std::string_view step) {
  const Fate fate = faults_.fate(step);
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  return fate == Fate::kDone ? ok_status() : unavailable(std::string(step));
}

Result<bool> FakeHotTable::ensure() {
  WEIR_RETURN_IF_ERROR(reachable("hot.ensure"));
  const bool created = !state_.exists;
  state_.exists = true;
  return created;
}

// Two "partitions" by parity of the first row's place, so that one write is several INSERTs.
Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> FakeHotTable::split_by_partition(
    const std::shared_ptr<arrow::RecordBatch>& rows) {
  std::vector<std::shared_ptr<arrow::RecordBatch>> parts;
  const int64_t half = rows->num_rows() / 2;
  if (half > 0) parts.push_back(rows->Slice(0, half));
  parts.push_back(rows->Slice(half));
  return parts;
}

Status FakeHotTable::insert(const HotInsert& insert) {
  WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, row_ids(*insert.rows));
  switch (faults_.fate("hot.insert")) {
    case Fate::kDone: return land(state_, ids, insert.epoch);
    case Fate::kUnavailable: return unavailable("hot.insert");
    case Fate::kLostRequest: return outcome_unknown("hot.insert");
    case Fate::kLostAnswer: {
      const Status ignored = land(state_, ids, insert.epoch);
      return outcome_unknown(ignored.ok() ? "hot.insert" : "hot.insert, refused");
    }
    case Fate::kLate:
      faults_.land_late([&state = state_, ids, epoch = insert.epoch] {
        const Status ignored = land(state, ids, epoch);
        static_cast<void>(ignored.ok());
      });
      return outcome_unknown("hot.insert");
    case Fate::kKilledBefore: throw Killed{faults_.process};
    case Fate::kKilledAfter: {
      const Status ignored = land(state_, ids, insert.epoch);
      static_cast<void>(ignored.ok());
      throw Killed{faults_.process};
    }
  }
  return internal_error("unknown fate");
}

Result<std::vector<RowId>> FakeHotTable::read_ids(int32_t, SeqRange range) {
  WEIR_RETURN_IF_ERROR(reachable("hot.read_ids"));
  std::vector<RowId> ids;
  std::copy_if(state_.rows.begin(), state_.rows.end(), std::back_inserter(ids),
               [&](const RowId& id) { return range.contains(id.seq); });
  return ids;
}

Result<SeqRange> FakeHotTable::seq_bounds(int32_t) {
  WEIR_RETURN_IF_ERROR(reachable("hot.seq_bounds"));
  if (state_.rows.empty()) return SeqRange{};
  return SeqRange{state_.rows.begin()->seq, state_.rows.rbegin()->seq};
}

Result<Epoch> FakeHotTable::fence(int32_t) {
  WEIR_RETURN_IF_ERROR(reachable("hot.fence"));
  return state_.fence;
}

Status FakeHotTable::raise_fence(int32_t, Epoch epoch) {
  WEIR_RETURN_IF_ERROR(reachable("hot.raise_fence"));
  if (state_.fence > epoch) return fenced("the fence is at " + std::to_string(state_.fence.value));
  state_.fence = epoch;
  return ok_status();
}

Status FakeHotTable::erase(int32_t, SeqRange range) {
  WEIR_RETURN_IF_ERROR(reachable("hot.erase"));
  std::erase_if(state_.rows, [&](const RowId& id) { return range.contains(id.seq); });
  return ok_status();
}

}  // namespace weir::fakes
