#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace weir {

/// A sequence as the stores know it (column `_seq`): JetStream stream sequence + base of the stream's incarnation.
/// Grows for ever; 0 stands before the first event.
struct Seq {
  int64_t value = 0;
  friend auto operator<=>(Seq, Seq) = default;
  friend Seq operator+(Seq seq, int64_t n) { return {seq.value + n}; }
  friend Seq operator-(Seq seq, int64_t n) { return {seq.value - n}; }
  friend int64_t operator-(Seq a, Seq b) { return a.value - b.value; }
};

/// Closed range of sequences; empty when last < first.
struct SeqRange {
  Seq first{1};
  Seq last{0};
  friend bool operator==(const SeqRange&, const SeqRange&) = default;
  [[nodiscard]] bool empty() const { return last < first; }
  [[nodiscard]] int64_t length() const { return empty() ? 0 : last - first + 1; }
  [[nodiscard]] bool contains(Seq seq) const { return first <= seq && seq <= last; }
};

[[nodiscard]] inline std::string to_string(Seq seq) { return std::to_string(seq.value); }
[[nodiscard]] inline std::string to_string(const SeqRange& range) {
  return to_string(range.first) + ".." + to_string(range.last);
}

/// Number of a lease holder of a shard. The holder with the highest epoch is the only one that may move positions.
struct Epoch {
  int64_t value = 0;
  friend auto operator<=>(Epoch, Epoch) = default;
};

/// Identity of a row in every store: (`_shard`, `_seq`, `_row`); the shard is known from context.
struct RowId {
  Seq seq;
  int32_t row = 0;
  friend auto operator<=>(const RowId&, const RowId&) = default;
};

}  // namespace weir
