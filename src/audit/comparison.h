#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "audit/findings.h"
#include "audit/identity_set.h"
#include "audit/row_digest.h"
#include "base/status.h"

namespace weir::audit {

struct ComparisonOptions {
  StoreName reference = StoreName::kLake;
  StoreName other = StoreName::kClickHouse;
  std::vector<std::string> columns;           ///< Names, in the order of column_hashes().
  std::optional<StoreName> doubles_known_of;  ///< Whose doubled rows somebody else names.
  bool reference_keeps_erased = false;        ///< The stream: it still holds the events of rows that were erased.
  /// Rows that the reference never has and the other store has by right. May be null; borrowed.
  const IdentitySet* only_other = nullptr;
  int64_t bucket_sequences_min = 1 << 16;       ///< Of one digest at first; more where the range is long.
  int64_t buckets_max = 1 << 14;                ///< For a whole scope; bounds memory.
  int64_t buckets_per_query = 256;              ///< Bounds how long one question takes.
  int64_t fan_out = 16;                         ///< Into so many parts is a bucket cut that differs.
  int64_t leaf_rows_max = 1'024;                ///< From here on, rows are compared one by one.
  int64_t optional_leaf_rows_max = 1 << 16;     ///< The same where rows may be absent, so that most buckets may differ.
  int64_t changed_rows_examined_max = 64;       ///< For so many changed rows the columns are named.
  std::function<void(SeqRange)> progress = {};  ///< Before each question over a part of the scope. May be empty.
};

/// What one comparison covered.
struct ComparisonTotals {
  int64_t reference_rows = 0;
  int64_t other_rows = 0;
  int64_t quarantined = 0;     ///< Absent from the other store, and known to be.
  int64_t not_comparable = 0;  ///< Rows of the other store of which the reference can say nothing.
};

/// Compares the rows of two stores: digests of buckets first, then of parts of the buckets that differ, and in the end
/// the rows of small ones. What is wrong goes to the log as ranges. Borrowed arguments outlive it. Thread-compatible.
class Comparison {
 public:
  Comparison(DigestedRows& reference, DigestedRows& other, const IdentitySet& erased, const IdentitySet& quarantined,
             ComparisonOptions options, FindingLog& log)
      : reference_(reference),
        other_(other),
        erased_(erased),
        quarantined_(quarantined),
        options_(std::move(options)),
        log_(log) {}

  /// Compares one scope. `required`: the other store must hold every row of the reference; otherwise it may hold any of
  /// them, once and unchanged. Errors are those of the stores, with the store's name in front.
  [[nodiscard]] Result<ComparisonTotals> run(const RowScope& scope, bool required);

 private:
  struct Pair {
    std::vector<RowDigest> reference;
    std::vector<RowDigest> other;
  };

  [[nodiscard]] Result<Pair> digests(const RowScope& scope, int64_t width);
  [[nodiscard]] Status compare_buckets(const RowScope& scope, int64_t width, const Pair& pair, bool required);
  [[nodiscard]] Status compare_bucket(const RowScope& scope, const RowDigest& reference, const RowDigest& other,
                                      bool required);
  [[nodiscard]] bool settle_whole(const RowScope& scope, const RowDigest& reference, const RowDigest& other,
                                  bool required);
  [[nodiscard]] Status compare_rows(const RowScope& scope, bool required);
  [[nodiscard]] Status judge(int32_t shard, std::span<const RowPrint> reference, std::span<const RowPrint> other,
                             bool required);
  [[nodiscard]] Status judge_content(int32_t shard, std::span<const RowPrint> reference,
                                     std::span<const RowPrint> other, bool* in_order);
  [[nodiscard]] std::string only_other_has_them() const;

  DigestedRows& reference_;
  DigestedRows& other_;
  const IdentitySet& erased_;
  const IdentitySet& quarantined_;
  const ComparisonOptions options_;
  FindingLog& log_;
  ComparisonTotals totals_;
  int64_t changed_rows_examined_ = 0;
};

}  // namespace weir::audit
