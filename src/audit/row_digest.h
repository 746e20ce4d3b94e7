#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/status.h"

namespace weir::audit {

/// Some rows of one shard: those of a range of sequences and, where retention counts, of a range of `_time`.
struct RowScope {
  int32_t shard = 0;
  SeqRange seqs;
  std::optional<int64_t> time_from_us;    ///< Only rows stored at or after it, microseconds UTC.
  std::optional<int64_t> time_before_us;  ///< Only rows stored before it.
};

/// What a set of rows comes to, whatever their order: their number, and the sums of the upper and of the lower halves of
/// their hashes (weir_row_hash over all columns, system columns included). Both sums wrap.
struct RowDigest {
  int64_t rows = 0;
  uint64_t high = 0;
  uint64_t low = 0;
  Seq first{0};  ///< Lowest and highest sequence among the rows; of no meaning without rows.
  Seq last{0};

  void add(Seq seq, uint64_t hash);
  [[nodiscard]] bool same_rows(const RowDigest& other) const {
    return rows == other.rows && high == other.high && low == other.low;
  }
  /// Whether this is what `other` would be with each row `times` times in it.
  [[nodiscard]] bool is_multiple_of(const RowDigest& other, int64_t times) const;
};

/// One row: its identity and its hash.
struct RowPrint {
  RowId id;
  uint64_t hash = 0;
  friend auto operator<=>(const RowPrint&, const RowPrint&) = default;
};

/// Rows of one table in one store, which hashes them itself: no row travels. Thread-compatible.
class DigestedRows {
 public:
  virtual ~DigestedRows() = default;

  /// One digest for each `width` sequences of the scope, the last one perhaps for fewer.
  [[nodiscard]] virtual Result<std::vector<RowDigest>> digests(const RowScope& scope, int64_t width) = 0;

  /// Every row of the scope, sorted; a row that is there twice is listed twice. Costs memory per row.
  [[nodiscard]] virtual Result<std::vector<RowPrint>> prints(const RowScope& scope) = 0;

  /// For each column in the order of column_names(): its hash in every row of this identity, sorted and listed once each.
  [[nodiscard]] virtual Result<std::vector<std::vector<uint64_t>>> column_hashes(int32_t shard, RowId id) = 0;

  /// Whether rows may be absent here without any fault: a stream forgets events.
  [[nodiscard]] virtual bool may_forget() const { return false; }
  /// Whether what decides about the row is gone. Of the scope of the last prints().
  [[nodiscard]] virtual bool forgot(RowId) const { return false; }
};

/// ceil(length / width): how many digests a scope comes to.
[[nodiscard]] int64_t bucket_count(SeqRange seqs, int64_t width);

/// Sequences of bucket `index`, cut at the end of `seqs`.
[[nodiscard]] SeqRange bucket_range(SeqRange seqs, int64_t width, int64_t index);

}  // namespace weir::audit
