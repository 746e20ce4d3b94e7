#include "audit/row_digest.h"

#include <algorithm>

namespace weir::audit {

void RowDigest::add(Seq seq, uint64_t hash) {
  first = rows == 0 ? seq : std::min(first, seq);
  last = rows == 0 ? seq : std::max(last, seq);
  ++rows;
  high += hash >> 32;
  low += hash & 0xFFFFFFFFU;
}

bool RowDigest::is_multiple_of(const RowDigest& other, int64_t times) const {
  const auto factor = static_cast<uint64_t>(times);
  return rows == other.rows * times && high == other.high * factor && low == other.low * factor;
}

int64_t bucket_count(SeqRange seqs, int64_t width) { return (seqs.length() + width - 1) / width; }

SeqRange bucket_range(SeqRange seqs, int64_t width, int64_t index) {
  const Seq first = seqs.first + index * width;
  return {first, std::min(first + (width - 1), seqs.last)};
}

}  // namespace weir::audit
