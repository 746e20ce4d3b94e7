#include "tests/fakes/fake_lake_state.h"

#include <arrow/record_batch.h>

#include <algorithm>

#include "batch/row_ids.h"
#include "tests/fakes/fake_stream.h"

namespace weir::fakes {

std::string path_of(FileId file) { return "f" + std::to_string(file) + ".parquet"; }

LakeState::LakeState(const std::vector<LakeTxn>& initial) {
  LakeVersion version;
  for (const LakeTxn& txn : initial) version.txns[txn.app_id] = txn.version;
  log.push_back(std::move(version));
}

std::vector<std::shared_ptr<arrow::RecordBatch>> LakeState::rows() const { return rows_at(log.size() - 1); }

std::vector<std::shared_ptr<arrow::RecordBatch>> LakeState::rows_at(size_t version) const {
  std::vector<std::shared_ptr<arrow::RecordBatch>> all;
  for (const FileId file : log[version].files) {
    if (files[file].there) all.push_back(files[file].rows);
  }
  return all;
}

std::optional<int64_t> LakeState::txn(std::string_view app_id) const {
  const auto found = log.back().txns.find(app_id);
  return found == log.back().txns.end() ? std::optional<int64_t>() : std::optional<int64_t>(found->second);
}

// rust/src/log.rs, Log::can_read.
bool LakeState::readable(size_t version) const {
  if (!log[version].entry_there) return false;
  for (size_t v = version + 1; v-- > 0;) {
    if (log[v].checkpoint_ms) return true;
    if (!log[v].entry_there) return false;
  }
  return true;
}

std::optional<FileId> LakeState::missing(size_t version) const {
  for (const FileId file : log[version].files) {
    if (!files[file].there) return file;
  }
  return std::nullopt;
}

// The kernel leaves tombstones older than delta.deletedFileRetentionDuration out of a checkpoint, and reads no entry
// below one.
std::map<FileId, int64_t> LakeState::tombstones() const {
  std::map<FileId, int64_t> found;
  bool below_checkpoint = false;
  int64_t forgotten_before = std::numeric_limits<int64_t>::min();
  for (size_t v = log.size(); v-- > 0;) {
    if (!below_checkpoint && log[v].checkpoint_ms) {
      below_checkpoint = true;
      if (tombstones_kept_ms < *log[v].checkpoint_ms) forgotten_before = *log[v].checkpoint_ms - tombstones_kept_ms;
    }
    for (const auto& [file, stamp] : log[v].removed) {
      if (stamp >= forgotten_before) found.emplace(file, stamp);
    }
  }
  return found;
}

FileId LakeState::write_one(std::shared_ptr<arrow::RecordBatch> rows, int64_t partition) {
  files.push_back({.rows = std::move(rows), .partition = partition, .written_ms = now_ms()});
  return files.size() - 1;
}

std::vector<FileId> LakeState::write(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) {
  std::vector<FileId> written;
  std::map<int64_t, std::vector<RowId>> partitions;
  for (const auto& batch : rows) {
    if (partition_sequences == 0) {
      written.push_back(write_one(batch, 0));
      continue;
    }
    const auto ids = row_ids(*batch);
    for (const RowId& id : *ids) partitions[id.seq.value / partition_sequences].push_back(id);
  }
  for (const auto& [partition, ids] : partitions) written.push_back(write_one(rows_of(ids), partition));
  return written;
}

bool LakeState::stale(const LakeCommit& commit) const {
  const int64_t now = now_ms();
  return std::ranges::any_of(commit.added,
                             [&](FileId file) { return now - files[file].written_ms >= write_lifetime_ms; }) ||
         std::ranges::any_of(commit.removed,
                             [&](const auto& removed) { return now - removed.second >= standstill_ms; });
}

Status LakeState::disturbed(size_t base, const LakeCommit& commit) const {
  for (size_t v = base + 1; v < log.size(); ++v) {
    // Both delta-rs and rust/src/rewrite.rs read the entries of the others, one by one.
    if (!log[v].entry_there) return not_found("entry " + std::to_string(v) + " of the log");
    // delta-rs conflict_checker.rs, check_for_updated_application_transaction_ids_that_current_txn_depends_on.
    for (const LakeTxn& txn : commit.txns) {
      if (std::ranges::count(log[v].moved, txn.app_id) > 0) {
        return conflict("version " + std::to_string(v) + " carries " + txn.app_id);
      }
    }
    // rust/src/rewrite.rs, RewriteLog::check; delta-rs alone lets it pass when the other one changed no data.
    for (const auto& [file, stamp] : commit.removed) {
      if (log[v].removed.contains(file)) {
        return conflict("version " + std::to_string(v) + " has removed " + path_of(file));
      }
    }
    // Removals by others hinder nobody who removes nothing: rust/src/commit.rs, tolerated_until.
  }
  return ok_status();
}

Status LakeState::land(size_t base, const LakeCommit& commit) {
  WEIR_RETURN_IF_ERROR(disturbed(base, commit));
  LakeVersion version{.removed = commit.removed,
                      .data_change = commit.data_change,
                      .moved = {},
                      .txns = log.back().txns,
                      .files = log.back().files,
                      .committed_ms = now_ms(),
                      .checkpoint_ms = {}};
  for (const LakeTxn& txn : commit.txns) {
    version.txns[txn.app_id] = txn.version;
    version.moved.push_back(txn.app_id);
  }
  for (const auto& [file, stamp] : commit.removed) version.files.erase(file);
  version.files.insert(commit.added.begin(), commit.added.end());
  log.push_back(std::move(version));
  return ok_status();
}

void LakeState::checkpoint(size_t version) { log[version].checkpoint_ms = now_ms(); }

}  // namespace weir::fakes
