#include "tests/fakes/fake_lake_table.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <sstream>

#include "batch/row_ids.h"
#include "tests/fakes/fake_stream.h"

namespace weir::fakes {
namespace {

class FakeSnapshot final : public LakeSnapshot {
 public:
  FakeSnapshot(LakeState& state, size_t version, int process)
      : state_(state), version_(version), process_(process), txns_(state.log[version].txns) {}
  int64_t version() const override { return static_cast<int64_t>(version_); }
  // Read from the log only when asked, as the engine does it: a clean-up may have been there in between.
  Result<std::optional<int64_t>> txn(std::string_view app_id) const override {
    if (!state_.readable(version_)) {
      ++state_.stumbles[process_];
      return not_found("version " + std::to_string(version_) + " is no longer in the log");
    }
    const auto found = txns_.find(app_id);
    return found == txns_.end() ? std::optional<int64_t>() : std::optional<int64_t>(found->second);
  }

 private:
  LakeState& state_;
  const size_t version_;
  const int process_;
  const std::map<std::string, int64_t, std::less<>> txns_;
};

std::shared_ptr<const LakeSnapshot> newest(LakeState& state, int process) {
  return std::make_shared<FakeSnapshot>(state, state.log.size() - 1, process);
}

struct FakeFiles final : LakeFiles {
  std::vector<FileId> ids;
  int64_t row_count = 0;
  int64_t rows() const override { return row_count; }
  int64_t bytes() const override { return row_count; }
  Result<std::string> describe() const override {
    std::string text = std::to_string(row_count);
    for (const FileId id : ids) text += " " + std::to_string(id);
    return text;
  }
};

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

Status commit_or_not(LakeState& state, const Faults& faults, std::string_view step, size_t base,
                     const LakeCommit& commit) {
  const Fate fate = faults.fate(step);
  if (fate == Fate::kUnavailable) return unavailable(std::string(step));
  if (fate == Fate::kLostRequest) return outcome_unknown(std::string(step));
  if (fate == Fate::kKilledBefore) throw Killed{faults.process};
  if (fate == Fate::kLate) {
    // A late log entry is a put-if-absent of one version number: it lands only if nobody took that number.
    faults.land_late([&state, version = state.log.size(), base, commit] {
      if (state.log.size() != version || state.stale(commit)) return;
      const Status ignored = state.land(base, commit);
      static_cast<void>(ignored.ok());
    });
    return outcome_unknown(std::string(step));
  }
  if (state.stale(commit) && state.disturbed(base, commit).ok()) {
    ++state.standstills;
    throw Killed{faults.process};
  }
  const Status landed = state.land(base, commit);
  if (fate == Fate::kKilledAfter) throw Killed{faults.process};
  if (fate == Fate::kLostAnswer && landed.code() != StatusCode::kConflict) return outcome_unknown(std::string(step));
  return landed;
}

Result<std::shared_ptr<const LakeSnapshot>> FakeLakeTable::snapshot() {
  const Fate fate = faults_.fate("lake.snapshot");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.snapshot");
  return newest(state_, faults_.process);
}

Result<std::unique_ptr<LakeFiles>> FakeLakeTable::write_files(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) {
  const Fate fate = faults_.fate("lake.write_files");
  if (fate == Fate::kKilledBefore) {
    state_.staged["f" + std::to_string(state_.files.size()) + ".parquet#" + std::to_string(state_.staged.size())] =
        state_.now_ms();
    throw Killed{faults_.process};
  }
  // Whatever else the answer is, the files may be there; who has no answer does not know their names.
  auto files = std::make_unique<FakeFiles>();
  if (fate != Fate::kUnavailable) files->ids = state_.write(rows);
  if (fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.write_files");
  for (const auto& batch : rows) files->row_count += batch->num_rows();
  return std::unique_ptr<LakeFiles>(std::move(files));
}

Result<std::unique_ptr<LakeFiles>> FakeLakeTable::adopt_files(const std::vector<std::string>& descriptions) {
  const Fate fate = faults_.fate("lake.adopt_files");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.adopt_files");
  auto files = std::make_unique<FakeFiles>();
  for (const std::string& text : descriptions) {
    std::istringstream numbers(text);
    int64_t rows = 0;
    if (!(numbers >> rows)) return invalid_argument("'" + text + "' describes no files");
    files->row_count += rows;
    for (FileId id = 0; numbers >> id;) {
      if (!state_.files[id].there) return not_found(path_of(id));
      files->ids.push_back(id);
    }
  }
  return std::unique_ptr<LakeFiles>(std::move(files));
}

Result<std::shared_ptr<const LakeSnapshot>> FakeLakeTable::commit(const LakeSnapshot& base, const LakeFiles* files,
                                                                  const std::vector<LakeTxn>& txns, std::string_view) {
  LakeCommit commit{.added = {}, .removed = {}, .txns = txns};
  if (files != nullptr) commit.added = static_cast<const FakeFiles*>(files)->ids;
  const Status landed = commit_or_not(state_, faults_, "lake.commit", static_cast<size_t>(base.version()), commit);
  if (landed.code() == StatusCode::kNotFound) ++state_.stumbles[faults_.process];
  if (landed.ok() || landed.code() == StatusCode::kConflict) state_.stumbles[faults_.process] = 0;
  WEIR_RETURN_IF_ERROR(landed);
  return newest(state_, faults_.process);
}

Result<std::shared_ptr<arrow::RecordBatchReader>> FakeLakeTable::read(const LakeSnapshot& snapshot, int32_t, SeqRange range) {
  const Fate fate = faults_.fate("lake.read");
  if (fate == Fate::kKilledBefore || fate == Fate::kKilledAfter) throw Killed{faults_.process};
  if (fate != Fate::kDone) return unavailable("lake.read");
  std::vector<PlacedRow> rows;
  const auto version = static_cast<size_t>(snapshot.version());
  if (const auto gone = state_.missing(version)) return not_found("data file " + path_of(*gone));
  for (const auto& batch : state_.rows_at(version)) {
    WEIR_ASSIGN_OR_RETURN(const auto ids, row_ids(*batch));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (range.contains(ids[i].seq)) rows.push_back({ids[i], batch, static_cast<int64_t>(i)});
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
  if (fate != Fate::kDone) return unavailable("lake.checkpoint");
  state_.checkpoint(state_.log.size() - 1);
  return ok_status();
}

}  // namespace weir::fakes
