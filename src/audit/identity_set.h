#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/ids.h"

namespace weir::audit {

/// Identities (`first` .. `last`, `row`): the rows with this ordinal of each sequence in the range.
struct IdentityRange {
  SeqRange seqs;
  int32_t row = 0;
  friend bool operator==(const IdentityRange&, const IdentityRange&) = default;
};

/// A set of identities per shard, as ranges: what was erased, or what ClickHouse refused. Value type.
class IdentitySet {
 public:
  /// Adds identities, known or not.
  void add(int32_t shard, IdentityRange range) { shards_[shard].push_back(range); }
  void add_row(int32_t shard, RowId id) { add(shard, {.seqs = {id.seq, id.seq}, .row = id.row}); }
  void add(const IdentitySet& other);
  /// Sorts and merges. Call after the last add(), before anything below; calling it in between saves memory.
  void finish();

  [[nodiscard]] bool contains(int32_t shard, RowId id) const;
  /// Whether some identity lies in the range.
  [[nodiscard]] bool touches(int32_t shard, SeqRange seqs) const;
  /// How many identities: of one shard, and of all.
  [[nodiscard]] int64_t size(int32_t shard) const;
  [[nodiscard]] int64_t size() const;
  /// Sorted by row ordinal, then sequence.
  [[nodiscard]] const std::map<int32_t, std::vector<IdentityRange>>& shards() const { return shards_; }

 private:
  std::map<int32_t, std::vector<IdentityRange>> shards_;
};

}  // namespace weir::audit
