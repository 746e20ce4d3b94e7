#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "audit/hot_rows.h"
#include "audit/identity_set.h"
#include "audit/lake_books.h"
#include "audit/row_digest.h"
#include "audit/table_audit.h"
#include "base/status.h"

namespace weir::audit {

/// A range of one shard of which ClickHouse must hold every row, or may hold any.
struct HotSegment {
  SeqRange seqs;
  bool required = false;
  std::optional<int64_t> required_from_us = {};  ///< Only rows stored since then are required; older ones may be there.
  friend bool operator==(const HotSegment&, const HotSegment&) = default;
};

/// What ClickHouse owes of a shard. Live rows: those above hot_start and at or below `hot_position`; history: those up to
/// `covered_upper`, where a backfill of the whole table has finished. Never above the lake's position, which both paths
/// follow; what lies between is in motion and left out. Segments are disjoint and in order.
[[nodiscard]] std::vector<HotSegment> hot_segments(int32_t shard, Seq lake_position,
                                                   const std::optional<pipeline::HotPosition>& position,
                                                   std::optional<Seq> covered_upper,
                                                   std::optional<int64_t> covered_from_us,
                                                   std::optional<int64_t> expires_before_us);

/// Rows stored before this may have expired by now or expire while we look, microseconds UTC: the retention, and a margin
/// of a day (a quarter of the retention when that is less).
[[nodiscard]] int64_t expiry_cutoff(int64_t now_us, std::chrono::microseconds retention);

/// Lake against ClickHouse, shard by shard, and the rows that are above every position. One thread; borrowed members.
struct HotCheck {
  const TableAuditOptions& options;
  DigestedRows& lake;
  const std::map<int32_t, ShardBooks>& shards;
  const IdentitySet& erased;
  const IdentitySet& quarantined;
  TableReport& report;

  [[nodiscard]] Status run();

 private:
  [[nodiscard]] Status check_shard(HotRows& hot, int32_t shard, const ShardBooks& books);
  [[nodiscard]] Status compare(HotRows& hot, const RowScope& scope, bool required);
  [[nodiscard]] Status find_above(HotRows& hot);
  [[nodiscard]] Result<std::optional<pipeline::HotPosition>> position_of(int32_t shard) const;
  void table_is_missing();
};

}  // namespace weir::audit
