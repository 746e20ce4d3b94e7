#include "tests/fakes/fake_hot_table.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "batch/row_ids.h"

namespace weir::fakes {
namespace {

Status land(HotState& state, const std::vector<RowId>& ids, const HotWriter& writer, Epoch epoch) {
  if (!state.exists) return not_found("the table");
  const Epoch fence = state.fence_of(writer);
  if (fence != epoch) return fenced("the fence is at " + std::to_string(fence.value));
  for (const RowId& id : ids) {
    if (state.refused.contains(id)) return rejected("row " + to_string(id.seq));
  }
  state.rows.insert(ids.begin(), ids.end());
  return ok_status();
}

}  // namespace

void HotState::drop() {
  exists = false;
  rows.clear();
}

Epoch& HotState::fence_of(const HotWriter& writer) {
  return writer.path == HotWriter::Path::kBulk ? bulk_fence : fence;
}

Status FakeHotTable::reachable(std::string_view step) {
  const Fate fate = faults_.fate(step);
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  return fate == Fate::kDone ? ok_status() : unavailable(std::string(step));
}

Status FakeHotTable::readable(std::string_view step) {
  WEIR_RETURN_IF_ERROR(reachable(step));
  return state_.exists ? ok_status() : not_found("the table");
}

Result<bool> FakeHotTable::ensure() {
  WEIR_RETURN_IF_ERROR(reachable("hot.ensure"));
  if (state_.exists) return false;
  state_.views.clear();
  state_.exists = true;
  ++state_.made;
  return true;
}

Result<std::string> FakeHotTable::table_id() {
  WEIR_RETURN_IF_ERROR(readable("hot.table_id"));
  return std::to_string(state_.made);
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
    case Fate::kDone: return land(state_, ids, insert.writer, insert.epoch);
    case Fate::kUnavailable: return unavailable("hot.insert");
    case Fate::kLostRequest: return outcome_unknown("hot.insert");
    case Fate::kLostAnswer: {
      const Status ignored = land(state_, ids, insert.writer, insert.epoch);
      return outcome_unknown(ignored.ok() ? "hot.insert" : "hot.insert, refused");
    }
    case Fate::kLate:
      faults_.land_late([&state = state_, ids, writer = insert.writer, epoch = insert.epoch] {
        const Status ignored = land(state, ids, writer, epoch);
        static_cast<void>(ignored.ok());
      });
      return outcome_unknown("hot.insert");
    case Fate::kKilledBefore: throw Killed{faults_.process};
    case Fate::kKilledAfter: {
      const Status ignored = land(state_, ids, insert.writer, insert.epoch);
      static_cast<void>(ignored.ok());
      throw Killed{faults_.process};
    }
  }
  return internal_error("unknown fate");
}

Result<int64_t> FakeHotTable::count_rows(int32_t, SeqRange range) {
  WEIR_RETURN_IF_ERROR(readable("hot.count_rows"));
  return std::count_if(state_.rows.begin(), state_.rows.end(), [&](const RowId& id) { return range.contains(id.seq); });
}

Result<std::vector<RowId>> FakeHotTable::read_ids(int32_t, SeqRange range) {
  WEIR_RETURN_IF_ERROR(readable("hot.read_ids"));
  std::vector<RowId> ids;
  std::copy_if(state_.rows.begin(), state_.rows.end(), std::back_inserter(ids),
               [&](const RowId& id) { return range.contains(id.seq); });
  if (static_cast<int64_t>(ids.size()) > state_.ids_max) return resource_exhausted("read it in parts");
  return ids;
}

Result<SeqRange> FakeHotTable::seq_bounds(int32_t) {
  WEIR_RETURN_IF_ERROR(readable("hot.seq_bounds"));
  if (state_.rows.empty()) return SeqRange{};
  return SeqRange{state_.rows.begin()->seq, state_.rows.rbegin()->seq};
}

Result<Epoch> FakeHotTable::fence(const HotWriter& writer) {
  WEIR_RETURN_IF_ERROR(reachable("hot.fence"));
  return state_.fence_of(writer);
}

Status FakeHotTable::raise_fence(const HotWriter& writer, Epoch epoch) {
  const auto raise = [&state = state_, writer, epoch] {
    Epoch& fence = state.fence_of(writer);
    fence = std::max(fence, epoch);
    return fence;
  };
  switch (faults_.fate("hot.raise_fence")) {
    case Fate::kDone: break;
    case Fate::kUnavailable:
    case Fate::kLostRequest: return unavailable("hot.raise_fence");
    case Fate::kLostAnswer: static_cast<void>(raise()); return unavailable("hot.raise_fence");
    case Fate::kLate: faults_.land_late([raise] { static_cast<void>(raise()); }); return unavailable("hot.raise_fence");
    case Fate::kKilledBefore: throw Killed{faults_.process};
    case Fate::kKilledAfter: static_cast<void>(raise()); throw Killed{faults_.process};
  }
  const Epoch there = raise();
  return there == epoch ? ok_status() : fenced("the fence is at " + std::to_string(there.value));
}

Status FakeHotTable::withdraw_views(Seq hot_start) {
  WEIR_RETURN_IF_ERROR(reachable("hot.withdraw_views"));
  std::erase_if(state_.views, [&](Seq view) { return view < hot_start; });
  return ok_status();
}

Status FakeHotTable::offer_view(Seq hot_start) {
  WEIR_RETURN_IF_ERROR(readable("hot.offer_view"));
  state_.views.insert(hot_start);
  return ok_status();
}

Status FakeHotTable::erase(int32_t, SeqRange range) {
  WEIR_RETURN_IF_ERROR(readable("hot.erase"));
  std::erase_if(state_.rows, [&](const RowId& id) { return range.contains(id.seq); });
  return ok_status();
}

}  // namespace weir::fakes
