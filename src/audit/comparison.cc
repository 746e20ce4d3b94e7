#include "audit/comparison.h"

#include <algorithm>
#include <span>

namespace weir::audit {
namespace {

// The smallest power of two that keeps the number of buckets bounded.
int64_t bucket_width(SeqRange seqs, const ComparisonOptions& options) {
  int64_t width = options.bucket_sequences_min;
  while (bucket_count(seqs, width) > options.buckets_max) width *= 2;
  return width;
}

// Takes the rows of the next identity off the front of a sorted list.
std::span<const RowPrint> take_identity(std::span<const RowPrint>* rows, RowId id) {
  size_t length = 0;
  while (length < rows->size() && (*rows)[length].id == id) ++length;
  const auto taken = rows->first(length);
  *rows = rows->subspan(length);
  return taken;
}

}  // namespace

Result<ComparisonTotals> Comparison::run(const RowScope& scope, bool required) {
  totals_ = {};
  if (scope.seqs.empty()) return totals_;
  const int64_t width = bucket_width(scope.seqs, options_);
  const int64_t stride = width * options_.buckets_per_query;
  for (int64_t i = 0; i < bucket_count(scope.seqs, stride); ++i) {
    RowScope part = scope;
    part.seqs = bucket_range(scope.seqs, stride, i);
    if (options_.progress) options_.progress(part.seqs);
    WEIR_ASSIGN_OR_RETURN(const Pair pair, digests(part, width));
    for (const RowDigest& digest : pair.reference) totals_.reference_rows += digest.rows;
    for (const RowDigest& digest : pair.other) totals_.other_rows += digest.rows;
    WEIR_RETURN_IF_ERROR(compare_buckets(part, width, pair, required));
  }
  log_.pass_in_order();
  return totals_;
}

Result<Comparison::Pair> Comparison::digests(const RowScope& scope, int64_t width) {
  auto reference = reference_.digests(scope, width);
  if (!reference.ok()) return reference.status().with_context(to_string(options_.reference));
  auto other = other_.digests(scope, width);
  if (!other.ok()) return other.status().with_context(to_string(options_.other));
  return Pair{.reference = std::move(reference).value(), .other = std::move(other).value()};
}

Status Comparison::compare_buckets(const RowScope& scope, int64_t width, const Pair& pair, bool required) {
  for (size_t i = 0; i < pair.reference.size(); ++i) {
    RowScope bucket = scope;
    bucket.seqs = bucket_range(scope.seqs, width, static_cast<int64_t>(i));
    WEIR_RETURN_IF_ERROR(compare_bucket(bucket, pair.reference[i], pair.other[i], required));
  }
  return ok_status();
}

Status Comparison::compare_bucket(const RowScope& scope, const RowDigest& reference, const RowDigest& other,
                                  bool required) {
  if (reference.same_rows(other)) {
    // Erased rows in both would be equal, too; the reference's own books tell them.
    if (reference.rows > 0) log_.pass_in_order();
    return ok_status();
  }
  if (settle_whole(scope, reference, other, required)) return ok_status();
  const int64_t rows = std::max(reference.rows, other.rows);
  const int64_t leaf_rows_max = required ? options_.leaf_rows_max : options_.optional_leaf_rows_max;
  if (rows <= leaf_rows_max || scope.seqs.length() == 1) return compare_rows(scope, required);
  const int64_t width = (scope.seqs.length() + options_.fan_out - 1) / options_.fan_out;
  WEIR_ASSIGN_OR_RETURN(const Pair parts, digests(scope, width));
  return compare_buckets(scope, width, parts, required);
}

// What can be said of a bucket as a whole. Not where single rows are excused: they have to be looked at.
bool Comparison::settle_whole(const RowScope& scope, const RowDigest& reference, const RowDigest& other,
                              bool required) {
  Finding finding{.shard = scope.shard, .range = {reference.first, reference.last}, .rows = reference.rows};
  if (other.rows == 0) {
    if (!required) return true;
    if (quarantined_.touches(scope.shard, scope.seqs)) return false;
    if (options_.reference_keeps_erased && erased_.touches(scope.shard, scope.seqs)) return false;
    finding.kind = FindingKind::kMissing;
    finding.store = options_.other;
  } else if (reference.rows == 0) {
    if (reference_.may_forget() || erased_.touches(scope.shard, scope.seqs)) return false;
    if (options_.only_other != nullptr && options_.only_other->touches(scope.shard, scope.seqs)) return false;
    finding.kind = FindingKind::kMissing;
    finding.store = options_.reference;
    finding.range = {other.first, other.last};
    finding.rows = other.rows;
    finding.detail = only_other_has_them();
  } else if (other.rows % reference.rows == 0 && other.is_multiple_of(reference, other.rows / reference.rows)) {
    if (options_.doubles_known_of == options_.other) return true;
    finding.kind = FindingKind::kDoubled;
    finding.store = options_.other;
  } else {
    return false;
  }
  log_.extend_or_add(std::move(finding));
  return true;
}

Status Comparison::compare_rows(const RowScope& scope, bool required) {
  const auto reference = reference_.prints(scope);
  if (!reference.ok()) return reference.status().with_context(to_string(options_.reference));
  const auto other = other_.prints(scope);
  if (!other.ok()) return other.status().with_context(to_string(options_.other));
  std::span<const RowPrint> a = *reference;
  std::span<const RowPrint> b = *other;
  while (!a.empty() || !b.empty()) {
    const RowId id = a.empty() ? b.front().id : b.empty() ? a.front().id : std::min(a.front().id, b.front().id);
    const auto from_reference = take_identity(&a, id);
    const auto from_other = take_identity(&b, id);
    WEIR_RETURN_IF_ERROR(judge(scope.shard, from_reference, from_other, required));
  }
  return ok_status();
}

// All rows of one identity: those of the reference and those of the other store, at least one of them there.
Status Comparison::judge(int32_t shard, std::span<const RowPrint> reference, std::span<const RowPrint> other,
                         bool required) {
  const RowId id = reference.empty() ? other.front().id : reference.front().id;
  bool in_order = true;
  const auto fault = [&](FindingKind kind, StoreName store) {
    if (kind == FindingKind::kDoubled && options_.doubles_known_of == store) return;
    log_.add_row({.kind = kind, .store = store, .shard = shard, .id = id});
    in_order = false;
  };
  if (erased_.contains(shard, id)) {
    // The reference's own books name those in it once.
    if (!other.empty()) fault(FindingKind::kErasedRowThere, options_.other);
  } else if (reference.empty() && options_.only_other != nullptr && options_.only_other->contains(shard, id)) {
    if (other.size() > 1) fault(FindingKind::kDoubled, options_.other);
  } else if (reference.empty() && reference_.forgot(id)) {
    ++totals_.not_comparable;
  } else if (reference.empty()) {
    log_.add_row({.kind = FindingKind::kMissing,
                  .store = options_.reference,
                  .shard = shard,
                  .id = id,
                  .detail = only_other_has_them()});
    in_order = false;
    if (other.size() > 1) fault(FindingKind::kDoubled, options_.other);
  } else {
    if (reference.size() > 1) fault(FindingKind::kDoubled, options_.reference);
    if (other.size() > 1) fault(FindingKind::kDoubled, options_.other);
    if (other.empty() && quarantined_.contains(shard, id)) {
      ++totals_.quarantined;
    } else if (other.empty() && required) {
      fault(FindingKind::kMissing, options_.other);
    } else if (!other.empty()) {
      WEIR_RETURN_IF_ERROR(judge_content(shard, reference, other, &in_order));
    }
  }
  if (in_order) log_.pass_in_order();
  return ok_status();
}

Status Comparison::judge_content(int32_t shard, std::span<const RowPrint> reference, std::span<const RowPrint> other,
                                 bool* in_order) {
  const auto unknown_in_reference = [&](const RowPrint& row) {
    return std::ranges::find(reference, row.hash, &RowPrint::hash) == reference.end();
  };
  const auto changed = std::ranges::find_if(other, unknown_in_reference);
  if (changed == other.end()) return ok_status();
  *in_order = false;
  RowFault fault{.kind = FindingKind::kChanged,
                 .store = options_.other,
                 .shard = shard,
                 .id = changed->id,
                 .reference_hash = reference.front().hash,
                 .store_hash = changed->hash};
  if (changed_rows_examined_ < options_.changed_rows_examined_max) {
    ++changed_rows_examined_;
    const auto expected = reference_.column_hashes(shard, fault.id);
    if (!expected.ok()) return expected.status().with_context(to_string(options_.reference));
    const auto found = other_.column_hashes(shard, fault.id);
    if (!found.ok()) return found.status().with_context(to_string(options_.other));
    for (size_t i = 0; i < options_.columns.size() && i < expected->size() && i < found->size(); ++i) {
      if ((*expected)[i] != (*found)[i]) fault.columns.push_back(options_.columns[i]);
    }
  } else {
    fault.detail = "columns not looked at";
  }
  log_.add_row(std::move(fault));
  return ok_status();
}

std::string Comparison::only_other_has_them() const {
  return "only " + std::string(to_string(options_.other)) + " has them";
}

}  // namespace weir::audit
