#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "engine/object_store.h"

namespace weir::lake {

/// A file whose rows a table has, or is getting: its identity is its content, whatever its name.
struct FileRecord {
  std::string digest;  ///< Of the stored bytes (base/digest.h).
  std::string path;    ///< Where it was when it was registered.
  std::string format;  ///< parquet, csv, json
  int64_t size_bytes = 0;
  int32_t shard = 0;    ///< -1, -2, ..: `_shard` of its rows. Given once, never again.
  int64_t time_us = 0;  ///< When it was registered, microseconds UTC: `_time` of its rows.
};

/// What became of a file that is in as a whole. rows_read = rows + filtered + dead_letters (+ blank lines of JSON).
struct FileOutcome {
  int64_t rows_read = 0;  ///< Highest row number, which is the shard's position.
  int64_t rows = 0;
  int64_t filtered = 0;
  int64_t dead_letters = 0;
  int64_t finished_us = 0;  ///< Microseconds since 1970-01-01 UTC.
};

/// The files loaded into the tables of a lake (`_weir/files/`). Objects are only ever added: each digest gets one number,
/// each number one digest, by put-if-absent, also when several processes ask at once. Thread-safe.
class FileRegistry {
 public:
  explicit FileRegistry(engine::ObjectStore objects) : objects_(std::move(objects)) {}

  /// kNotFound: the table never saw this content.
  [[nodiscard]] Result<FileRecord> find(std::string_view table, const std::string& digest) const;

  /// Registers `file` (its `shard` does not count) under the next number, or returns what is registered already.
  [[nodiscard]] Result<FileRecord> add(std::string_view table, FileRecord file) const;

  /// Says for good that the whole file is in. Again is success.
  [[nodiscard]] Status finish(std::string_view table, const std::string& digest, const FileOutcome& outcome) const;

  /// kNotFound: the file is not in as a whole.
  [[nodiscard]] Result<FileOutcome> outcome(std::string_view table, const std::string& digest) const;

  /// Files that were registered and not finished, by descending shard (in the order of registration).
  [[nodiscard]] Result<std::vector<FileRecord>> unfinished(std::string_view table) const;

 private:
  [[nodiscard]] Result<int32_t> claim_shard(std::string_view table, const std::string& digest) const;

  engine::ObjectStore objects_;
};

}  // namespace weir::lake
