#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "ports/lake_table.h"

namespace weir::fakes {

/// Which of LakeState::files. Never given twice.
using FileId = size_t;

/// A data file as the storage has it, whether or not a version refers to it.
struct LakeFile {
  std::shared_ptr<arrow::RecordBatch> rows;
  int64_t partition = 0;
  int64_t written_ms = 0;
  bool there = true;  ///< False once a vacuum has deleted it.
};

/// What a commit is about to do.
struct LakeCommit {
  std::vector<FileId> added;
  std::map<FileId, int64_t> removed;  ///< With the time that each is stamped with.
  bool data_change = true;            ///< False: the rows stay what they are.
  std::vector<LakeTxn> txns;
};

/// One version of the fake Delta log: the entry, and the table that it makes.
struct LakeVersion {
  std::map<FileId, int64_t> removed;
  bool data_change = true;
  std::vector<std::string> moved;                    ///< App ids this commit carried.
  std::map<std::string, int64_t, std::less<>> txns;  ///< All that are in force at this version.
  std::set<FileId> files;                            ///< Likewise.
  int64_t committed_ms = 0;
  bool entry_there = true;               ///< False once a clean-up of the log has deleted it.
  std::optional<int64_t> checkpoint_ms;  ///< When it was checkpointed; empty: it was not, or that was deleted.
};

/// The table as its storage holds it; shared by the processes of a test.
struct LakeState {
  std::vector<LakeFile> files;
  std::vector<LakeVersion> log;
  std::map<std::string, int64_t> staged;               ///< What killed writes left behind, and when.
  std::function<int64_t()> now_ms = [] { return 0; };  ///< The storage's clock, milliseconds since 1970.
  int64_t partition_sequences = 0;  ///< Rows of as many sequences share a partition; 0: there are no partitions.
  /// delta.deletedFileRetentionDuration: a checkpoint forgets files that were removed longer ago.
  int64_t tombstones_kept_ms = std::numeric_limits<int64_t>::max();
  /// Nobody goes on with files written longer ago: what kVacuumFloor of src/maintain/retention.h takes for granted.
  int64_t write_lifetime_ms = std::numeric_limits<int64_t>::max();
  /// Nor with a rewrite that began, a vacuum or clean-up that was called, or a job that was pinned longer ago: what
  /// retention.h adds to the age of a pinned version covers no more.
  int64_t standstill_ms = std::numeric_limits<int64_t>::max();
  std::map<int, int> stumbles;  ///< By process: failures in a row that only maintenance can have caused.
  int standstills = 0;          ///< That one of these two limits ended.
  int rewrites_refused = 0;     ///< Because another one had removed the same file.
  size_t deletions = 0;         ///< Of data files and of entries of the log, so far.

  explicit LakeState(const std::vector<LakeTxn>& initial = {});

  /// Of the newest version, or another one. Rows of files that are gone are left out.
  [[nodiscard]] std::vector<std::shared_ptr<arrow::RecordBatch>> rows() const;
  [[nodiscard]] std::vector<std::shared_ptr<arrow::RecordBatch>> rows_at(size_t version) const;
  [[nodiscard]] std::optional<int64_t> txn(std::string_view app_id) const;

  /// Whether the log still has what reading the version takes: a checkpoint, or the beginning, and every entry from
  /// there on.
  [[nodiscard]] bool readable(size_t version) const;
  /// A file of the version that is gone.
  [[nodiscard]] std::optional<FileId> missing(size_t version) const;
  /// Files that the newest version remembers to have been removed, with their stamps.
  [[nodiscard]] std::map<FileId, int64_t> tombstones() const;

  /// New data files, one a partition; no version refers to them.
  std::vector<FileId> write(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows);
  FileId write_one(std::shared_ptr<arrow::RecordBatch> rows, int64_t partition);
  [[nodiscard]] bool stale(const LakeCommit& commit) const;

  /// Why `commit`, which was made on version `base`, cannot land behind what came since; ok: it can.
  [[nodiscard]] Status disturbed(size_t base, const LakeCommit& commit) const;
  /// Lands it, or says why not.
  Status land(size_t base, const LakeCommit& commit);
  /// A checkpoint of a version.
  void checkpoint(size_t version);
};

[[nodiscard]] std::string path_of(FileId file);

}  // namespace weir::fakes
