#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"

namespace weir::audit {

enum class StoreName : uint8_t { kStream, kLake, kDeadLetters, kClickHouse };
[[nodiscard]] std::string_view to_string(StoreName store);

enum class FindingKind : uint8_t {
  kMissing,         ///< Must be in the store and is not.
  kDoubled,         ///< An identity is there more than once.
  kChanged,         ///< Same identity, other content than in the lake.
  kAbovePosition,   ///< Rows above what the store's position says it holds.
  kErasedRowThere,  ///< A row that was erased is still there, or back.
  kLostFile,        ///< The Delta log refers to a file that is not in storage.
  kCountOff,        ///< Fewer or more rows than the store's own books say.
  kTableMissing,    ///< The table itself is not there.
};
/// "missing", "doubled", "changed", "above_position", ..: the word of --json.
[[nodiscard]] std::string_view to_string(FindingKind kind);

/// One difference, exactly where it is.
struct Finding {
  FindingKind kind = FindingKind::kMissing;
  StoreName store = StoreName::kLake;  ///< Where the trouble is.
  std::string table = {};
  int32_t shard = 0;
  SeqRange range = {};                 ///< Every row of it that the comparison covers; exact ends.
  int64_t rows = 0;                  ///< Rows at fault.
  std::vector<std::string> columns = {};  ///< kChanged: those that differ; empty: not looked at, see `detail`.
  /// kChanged, kDoubled: the first row at fault, and its hash in the reference and in `store`.
  std::optional<RowId> example = {};
  uint64_t reference_hash = 0;
  uint64_t store_hash = 0;
  std::string path = {};    ///< kLostFile: relative to the lake.
  std::string detail = {};  ///< For a person; may be empty.
};

/// What `finding` means in one line, without the table: "missing in ClickHouse: 12 rows, _seq 10..40".
[[nodiscard]] std::string describe(const Finding& finding);

/// What to do about it, as an operator types it. `file` is the pipeline file.
[[nodiscard]] std::string next_step(const Finding& finding, std::string_view file);

/// One row at fault, as add_row() takes it.
struct RowFault {
  FindingKind kind = FindingKind::kMissing;
  StoreName store = StoreName::kLake;
  int32_t shard = 0;
  RowId id;
  uint64_t reference_hash = 0;
  uint64_t store_hash = 0;
  std::vector<std::string> columns = {};
  std::string detail = {};
};

/// Findings of one table, bounded: rows at fault that follow each other become one range, and beyond `findings_max`
/// ranges only their number is kept. Thread-compatible.
class FindingLog {
 public:
  explicit FindingLog(std::string table, size_t findings_max = 1'000)
      : table_(std::move(table)), findings_max_(findings_max) {}

  /// Extends the last finding when that is of the same kind and no row in order stood between them, else opens one.
  void add_row(RowFault fault);
  /// A row, or many, in order: what comes next opens a finding of its own.
  void pass_in_order() { open_ = false; }
  /// A range as a whole; like add_row() otherwise. Requires: range and rows are set.
  void extend_or_add(Finding finding);
  /// A finding as a whole, never part of another. Its table is filled in.
  void add(Finding finding);

  [[nodiscard]] const std::vector<Finding>& findings() const { return findings_; }
  [[nodiscard]] int64_t omitted() const { return omitted_; }  ///< Ranges that were found but not kept.
  [[nodiscard]] int64_t rows() const { return rows_; }        ///< At fault, the omitted ones included.
  [[nodiscard]] bool clean() const { return findings_.empty(); }

 private:
  const std::string table_;
  const size_t findings_max_;
  std::vector<Finding> findings_;
  bool open_ = false;  // The last finding may be extended.
  int64_t omitted_ = 0;
  int64_t rows_ = 0;
};

}  // namespace weir::audit
