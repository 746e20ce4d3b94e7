#include "tests/fakes/fake_lake_table.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>

#include "batch/row_ids.h"
#include "tests/fakes/fake_stream.h"

namespace weir::fakes {
namespace {

class FakeSnapshot final : public LakeSnapshot {
 public:
  FakeSnapshot(size_t version, LakeVersion state) : version_(version), state_(std::move(state)) {}
  int64_t version() const override { return static_cast<int64_t>(version_); }
  Result<std::optional<int64_t>> txn(std::string_view app_id) const override {
    const auto found = state_.txns.find(app_id);
    return found == state_.txns.end() ? std::optional<int64_t>() : std::optional<int64_t>(found->second);
  }

 private:
  const size_t version_;
  const LakeVersion state_;
};

struct FakeFiles final : LakeFiles {
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  int64_t rows() const override {
    int64_t n = 0;
    for (const auto& batch : batches) n += batch->num_rows();
    return n;
  }
  int64_t bytes() const override { return rows(); }
};

std::shared_ptr<const LakeSnapshot> newest(const LakeState& state) {
  return std::make_shared<FakeSnapshot>(state.log.size() - 1, state.log.back());
}

// A commit based on version `base`: rebases over later ones unless they carry one of its app ids.
Status append(LakeState& state, size_t base, const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows,
              const std::vector<LakeTxn>& txns) {
  for (size_t v = base + 1; v < state.log.size(); ++v) {
    for (const LakeTxn& txn : txns) {
      const auto& moved = state.log[v].moved;
      if (std::find(moved.begin(), moved.end(), txn.app_id) != moved.end()) {
        return conflict("version " + std::to_string(v) + " carries " + txn.app_id);
      }
    }
  }
  LakeVersion version{.added = rows, .txns = state.log.back().txns, .moved = {}};
  for (const LakeTxn& txn : txns) {
    version.txns[txn.app_id] = txn.version;
    version.moved.push_back(txn.app_id);
  }
  state.log.push_back(std::move(version));
  return ok_status();
}

struct PlacedRow {
  RowId id;
  std::shared_ptr<arrow::RecordBatch> batch;
  int64_t index;
};

// The rows in their order; neighbours that are neighbours in their batch stay one slice.
arrow::RecordBatchVector slices_of(const std::vector<PlacedRow>& rows) {
  arrow::RecordBatchVector slices;
  for (size_t begin = 0; begin < rows.size();) {
    size_t end = begin + 1;
    while (end < rows.size() && rows[end].batch == rows[begin].batch && rows[end].index == rows[end - 1].index + 1) {
      ++end;
    }
    slices.push_back(rows[begin].batch->Slice(rows[begin].index, static_cast<int64_t>(end - begin)));
    begin = end;
  }
  return slices;
}

}  // namespace

LakeState::LakeState(const std::vector<LakeTxn>& initial) {
  LakeVersion version;
  for (const LakeTxn& txn : initial) version.txns[txn.app_id] = txn.version;
  log.push_back(std::move(version));
}

std::vector<std::shared_ptr<arrow::RecordBatch>> LakeState::rows() const {
  std::vector<std::shared_ptr<arrow::RecordBatch>> all;
  for (const LakeVersion& version : log) all.insert(all.end(), version.added.begin(), version.added.end());
  return all;
}

std::optional<int64_t> LakeState::txn(std::string_view app_id) const {
  const auto found = log.back().txns.find(app_id);
  return found == log.back().txns.end() ? std::optional<int64_t>() : std::optional<int64_t>(found->second);
}

Result<std::shared_ptr<const LakeSnapshot>> FakeLakeTable::snapshot() {
  const Fate fate = faults_.fate("lake.snapshot");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.snapshot");
  return newest(state_);
}

Result<std::unique_ptr<LakeFiles>> FakeLakeTable::write_files(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) {
  const Fate fate = faults_.fate("lake.write_files");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.write_files");
  auto files = std::make_unique<FakeFiles>();
  files->batches = rows;
  return std::unique_ptr<LakeFiles>(std::move(files));
}

Result<std::shared_ptr<const LakeSnapshot>> FakeLakeTable::commit(const LakeSnapshot& base, const LakeFiles* files,
                                                                  const std::vector<LakeTxn>& txns, std::string_view) {
  const auto base_version = static_cast<size_t>(base.version());
  std::vector<std::shared_ptr<arrow::RecordBatch>> rows;
  if (files != nullptr) rows = static_cast<const FakeFiles*>(files)->batches;
  const auto apply = [&]() -> Result<std::shared_ptr<const LakeSnapshot>> {
    WEIR_RETURN_IF_ERROR(append(state_, base_version, rows, txns));
    return newest(state_);
  };
  switch (faults_.fate("lake.commit")) {
    case Fate::kDone: return apply();
    case Fate::kUnavailable: return unavailable("lake.commit");
    case Fate::kLostRequest: return outcome_unknown("lake.commit");
    case Fate::kLostAnswer: {
      const auto result = apply();
      return result.status().code() == StatusCode::kConflict ? result.status() : outcome_unknown("lake.commit");
    }
    case Fate::kLate:
      // A late log entry is a put-if-absent of one version number: it lands only if nobody took that number.
      faults_.land_late([&state = state_, version = state_.log.size(), base_version, rows, txns] {
        if (state.log.size() != version) return;
        const Status ignored = append(state, base_version, rows, txns);
        static_cast<void>(ignored.ok());
      });
      return outcome_unknown("lake.commit");
    case Fate::kKilledBefore: throw Killed{faults_.process};
    case Fate::kKilledAfter: {
      const auto ignored = apply();
      static_cast<void>(ignored.ok());
      throw Killed{faults_.process};
    }
  }
  return internal_error("unknown fate");
}

Result<std::shared_ptr<arrow::RecordBatchReader>> FakeLakeTable::read(const LakeSnapshot& snapshot, int32_t, SeqRange range) {
  const Fate fate = faults_.fate("lake.read");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.read");
  std::vector<PlacedRow> rows;
  for (size_t v = 0; v <= static_cast<size_t>(snapshot.version()); ++v) {
    for (const auto& batch : state_.log[v].added) {
      WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(*batch));
      for (size_t i = 0; i < ids.size(); ++i) {
        if (range.contains(ids[i].seq)) rows.push_back({ids[i], batch, static_cast<int64_t>(i)});
      }
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const PlacedRow& a, const PlacedRow& b) { return a.id < b.id; });
  const arrow::RecordBatchVector found = slices_of(rows);
  const auto schema = found.empty() ? rows_of({})->schema() : found.front()->schema();
  auto reader = arrow::RecordBatchReader::Make(found, schema);
  if (!reader.ok()) return internal_error(reader.status().ToString());
  return *reader;
}

Status FakeLakeTable::checkpoint() {
  const Fate fate = faults_.fate("lake.checkpoint");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  return fate == Fate::kDone ? ok_status() : unavailable("lake.checkpoint");
}

}  // namespace weir::fakes
