#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/engine.h"
#include "engine/handles.h"
#include "engine/table_description.h"

struct ArrowArrayStream;

namespace arrow {
class RecordBatch;
class RecordBatchReader;
class Schema;
}  // namespace arrow

namespace weir::engine {

/// A Delta application transaction: the last `version` of `app_id`.
struct Txn {
  std::string app_id;
  int64_t version = 0;
};

struct StoreOptions {
  bool sync = true;  ///< file:// only: files, log entries and changed folders are fsynced before a call returns.
};

struct CreateOptions {
  std::vector<std::string> partition_columns;
  std::map<std::string, std::string> properties;  ///< Table properties, `delta.*` included.
  std::vector<Txn> txns;                          ///< Set by the commit that creates the table.
  std::string description;
};

struct WriteOptions {
  int64_t target_file_bytes = 128 << 20;  ///< Of one Parquet file, compressed.
  int zstd_level = 1;                     ///< 1..22.
  std::string name_prefix;                ///< Before each file's name.
};

struct OptimizeOptions {
  int64_t target_file_bytes = 0;       ///< 0: the table's own target.
  std::string partition_filters_json;  ///< [["day","=","2013-01-01"], ..]; empty: the whole table.
  std::vector<std::string> z_order;    ///< Sorts all files along a curve through these columns; empty: only compacts.
  int64_t max_concurrent_tasks = 1;    ///< Groups of files rewritten at once.
};

struct OptimizeResult {
  int64_t version = 0;
  int64_t files_added = 0;
  int64_t files_removed = 0;
};

struct VacuumOptions {
  std::optional<int64_t> retention_hours;  ///< Empty: the table's own.
  bool dry_run = false;
  bool enforce_retention = true;  ///< Refuses a retention below the table's own.
};

struct CleanLogOptions {
  std::optional<int64_t> retention_hours;  ///< Empty: the table's own.
  bool dry_run = false;
};

struct DeleteResult {
  int64_t version = 0;
  int64_t rows_deleted = 0;  ///< -1: not known, as a file without statistics went as a whole.
};

/// One version of a table. Immutable, thread-safe. Reads the log when it is first asked for what is in it: kNotFound if the log
/// was cleaned past this version by then.
class Snapshot {
 public:
  explicit Snapshot(Handle<weir_snapshot> handle) : handle_(std::move(handle)) {}

  [[nodiscard]] int64_t version() const;

  /// The version of `app_id` as of this snapshot; empty when the table never saw it.
  [[nodiscard]] Result<std::optional<int64_t>> txn(std::string_view app_id) const;

  /// Everything the version says about itself. `with_files` costs memory in proportion to the number of files.
  [[nodiscard]] Result<TableDescription> describe(bool with_files) const;

  /// For this module's use. Never null.
  [[nodiscard]] const weir_snapshot* handle() const { return handle_.get(); }

 private:
  const Handle<weir_snapshot> handle_;
};

/// Data files that no version refers to yet. Dropping it leaves the files for vacuum. Immutable, thread-safe.
class WrittenFiles {
 public:
  WrittenFiles(Handle<weir_files> handle, int64_t rows, int64_t bytes)
      : handle_(std::move(handle)), rows_(rows), bytes_(bytes) {}

  [[nodiscard]] int64_t rows() const { return rows_; }
  [[nodiscard]] int64_t bytes() const { return bytes_; }  ///< Of the files, compressed.

  /// The files as JSON, for DeltaTable::adopt() in another process.
  [[nodiscard]] Result<std::string> describe() const;

  /// For this module's use. Never null.
  [[nodiscard]] const weir_files* handle() const { return handle_.get(); }

 private:
  const Handle<weir_files> handle_;
  const int64_t rows_;
  const int64_t bytes_;
};

/// One Delta table through delta-rs. May outlive its Engine. Calls block. Thread-safe.
class DeltaTable {
 public:
  /// Version 0 in one commit: protocol, schema, properties and txns. kAlreadyExists: a table is there, nothing changed.
  /// kInvalidArgument: a type that Delta lacks, or a partition column that is not in `schema`. kOutcomeUnknown: open
  /// it.
  [[nodiscard]] static Result<std::unique_ptr<DeltaTable>> create(const Engine& engine, const std::string& url,
                                                                  const StoreOptions& store,
                                                                  const arrow::Schema& schema,
                                                                  const CreateOptions& options);

  /// kNotFound: no Delta table there. kInvalidArgument: it uses deletion vectors or column mapping.
  [[nodiscard]] static Result<std::unique_ptr<DeltaTable>> open(const Engine& engine, const std::string& url,
                                                                const StoreOptions& store);

  /// The newest version, read from the log, or the one asked for. kNotFound: no such version, or no longer.
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> snapshot(std::optional<int64_t> version = std::nullopt);

  /// The newest version committed at or before `unix_ms` (milliseconds since 1970-01-01 UTC), by the times of the log's
  /// entries. kNotFound: there was none, or it is no longer there. kInvalidArgument: a negative time.
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> snapshot_at(int64_t unix_ms);

  /// Writes `batches`, all of `schema`, whose columns must be the table's by name. kInvalidArgument: they are not, or a
  /// value would not survive the cast. On failure files may stay behind, unreferenced.
  [[nodiscard]] Result<std::unique_ptr<WrittenFiles>> write(const std::shared_ptr<arrow::Schema>& schema,
                                                            std::vector<std::shared_ptr<arrow::RecordBatch>> batches,
                                                            const WriteOptions& options);

  /// The same, pulling batch by batch on the calling thread.
  [[nodiscard]] Result<std::unique_ptr<WrittenFiles>> write(std::shared_ptr<arrow::RecordBatchReader> rows,
                                                            const WriteOptions& options);

  /// Files of this table that others wrote, as WrittenFiles::describe() said, all together. kInvalidArgument: one of the
  /// texts says something else. kNotFound: one of the files is not there, or has another size.
  [[nodiscard]] Result<std::unique_ptr<WrittenFiles>> adopt(const std::vector<std::string>& descriptions);

  /// Appends `files` (may be null) and sets `txns` in one commit on top of `base`; `info_json`, an object or empty, is
  /// merged into commitInfo. kConflict: another writer set one of these app ids, or changed the table, since `base`, or the
  /// log was cleaned past `base`. kNotFound: as Snapshot::txn().
  /// kOutcomeUnknown: read a new snapshot and compare its txns. Any other error: nothing was committed.
  /// Versions of txns are NOT compared: Delta accepts equal and lower ones.
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> commit(const Snapshot& base, const WrittenFiles* files,
                                                         const std::vector<Txn>& txns, std::string_view info_json);

  /// Gives the table the columns of `schema`, in its order, by one commit on top of `base` that also sets `txns`:
  /// columns may be added, nullable, and NOT NULL may be dropped. Rows that are there have NULL in new columns, and
  /// write() takes these from now on. kInvalidArgument: anything else; names the column and both types. The schema is
  /// that already: only `txns` are committed, if any; returns the newest version. Other outcomes, and `info_json`: as
  /// commit().
  [[nodiscard]] Result<std::unique_ptr<Snapshot>> set_schema(const Snapshot& base, const arrow::Schema& schema,
                                                             const std::vector<Txn>& txns, std::string_view info_json);

  /// Deletes the rows for which `predicate_sql` is true, and sets `txns`, by one commit on the newest version; rows
  /// appended meanwhile are not looked at. The old files keep the rows until vacuum(), the log keeps the predicate.
  /// kInvalidArgument: the predicate is not valid, or the table is append-only (`delta.appendOnly`). kConflict: another
  /// writer set one of these app ids or changed the table. kOutcomeUnknown: as commit().
  [[nodiscard]] Result<DeleteResult> delete_rows(const std::string& predicate_sql, const std::vector<Txn>& txns,
                                                 std::string_view info_json);

  // Maintenance: commits made meanwhile, or later on a snapshot from before, do not fail because of it, but for one that
  // clean_log() removed.

  /// Checkpoints the newest version and returns it.
  [[nodiscard]] Result<int64_t> checkpoint();

  /// Rewrites small files into large ones without changing data. kConflict: others rewrote the same files, each time.
  [[nodiscard]] Result<OptimizeResult> optimize(const OptimizeOptions& options);

  /// Deletes (or, dry, lists) files that no version younger than the retention refers to.
  [[nodiscard]] Result<std::vector<std::string>> vacuum(const VacuumOptions& options);

  /// Deletes (or, dry, lists) log entries and checkpoints that no version needs that was current within the retention.
  /// The newest checkpoint and all after it stay. A snapshot older than the retention may become unreadable.
  [[nodiscard]] Result<std::vector<std::string>> clean_log(const CleanLogOptions& options);

 private:
  DeltaTable(std::string url, Handle<weir_table> handle) : url_(std::move(url)), handle_(std::move(handle)) {}

  [[nodiscard]] Result<std::unique_ptr<WrittenFiles>> with_sizes(Handle<weir_files> handle) const;
  [[nodiscard]] Result<std::unique_ptr<WrittenFiles>> write_stream(ArrowArrayStream* rows, const WriteOptions& options);

  const std::string url_;
  const Handle<weir_table> handle_;
};

}  // namespace weir::engine
