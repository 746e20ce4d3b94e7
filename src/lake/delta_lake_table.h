#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/status.h"
#include "engine/delta_table.h"
#include "engine/engine.h"
#include "lake/table_definition.h"
#include "lake/windowed_reader.h"
#include "ports/lake_table.h"

namespace weir::lake {

struct LakeOptions {
  std::string url;                        ///< file:///absolute/folder or s3://bucket/prefix
  bool sync = true;                       ///< Local lakes only: everything is on disk before a call returns.
  int64_t target_file_bytes = 128 << 20;  ///< Of one data file, compressed.
  WindowLimits read_window;               ///< Bounds the memory of a read.
};

/// A LakeTable over one Delta table. `engine` must outlive it and the readers that came from it. Commits rely on the
/// caller's comparison of positions and epochs; the table adds what Delta adds: two commits that carry the same app id
/// on the same base do not both land. Thread-safe.
class DeltaLakeTable final : public LakeTable {
 public:
  /// Opens the table, or creates it in one commit with its schema, properties and initial transactions. Two processes
  /// may do so at once. kInvalidArgument, kDataLoss: the table is there and not the one defined, see check_definition.
  [[nodiscard]] static Result<std::unique_ptr<DeltaLakeTable>> open_or_create(const engine::Engine& engine,
                                                                              const LakeOptions& options,
                                                                              TableDefinition definition);

  /// kNotFound: there is no such table. Otherwise as open_or_create.
  [[nodiscard]] static Result<std::unique_ptr<DeltaLakeTable>> open(const engine::Engine& engine,
                                                                    const LakeOptions& options,
                                                                    TableDefinition definition);

  Result<std::shared_ptr<const LakeSnapshot>> snapshot() override;
  Result<std::unique_ptr<LakeFiles>> write_files(const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) override;
  Result<std::unique_ptr<LakeFiles>> adopt_files(const std::vector<std::string>& descriptions) override;
  Result<std::shared_ptr<const LakeSnapshot>> commit(const LakeSnapshot& base, const LakeFiles* files,
                                                     const std::vector<LakeTxn>& txns,
                                                     std::string_view info_json) override;
  Result<std::shared_ptr<arrow::RecordBatchReader>> read(const LakeSnapshot& snapshot, int32_t shard,
                                                         SeqRange range) override;
  Status checkpoint() override;

  /// Gives the table what rows of its definition need and it lacks (growth_of) in one metadata commit: nullable columns
  /// behind its last, and NOT NULL given up. Files from before read NULL in what is new. False: nothing was to be done.
  /// The commit repeats `held`, which the table must hold, so that whoever moves one of these meanwhile makes it fail:
  /// kFenced. Otherwise as commit(), of which conflicts and unknown outcomes are settled here.
  [[nodiscard]] Result<bool> grow(const std::vector<LakeTxn>& held);

  /// Version `version` of the table. kNotFound: it is not there, or no longer.
  [[nodiscard]] Result<std::shared_ptr<const LakeSnapshot>> snapshot_at(int64_t version);

  [[nodiscard]] const TableDefinition& definition() const { return definition_; }

  /// For maintenance (compaction, vacuum).
  [[nodiscard]] engine::DeltaTable& delta_table() { return *table_; }

 private:
  DeltaLakeTable(const engine::Engine& engine, LakeOptions options, TableDefinition definition,
                 std::unique_ptr<engine::DeltaTable> table)
      : engine_(engine), options_(std::move(options)), definition_(std::move(definition)), table_(std::move(table)) {}

  [[nodiscard]] Status check();
  [[nodiscard]] std::vector<std::string> foreign_columns_seen() const;
  [[nodiscard]] Result<std::unique_ptr<engine::WrittenFiles>> write_with(
      const std::vector<std::string>& foreign, const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows);

  const engine::Engine& engine_;
  const LakeOptions options_;
  const TableDefinition definition_;
  const std::unique_ptr<engine::DeltaTable> table_;
  mutable std::mutex mutex_;
  std::vector<std::string> foreign_columns_;  // Guarded by mutex_. Of the table, not of our rows: NULL is written there.
};

/// The engine's snapshot behind one that a DeltaLakeTable returned, for queries over it; null for any other. Borrowed.
[[nodiscard]] const engine::Snapshot* engine_snapshot(const LakeSnapshot& snapshot);

}  // namespace weir::lake
