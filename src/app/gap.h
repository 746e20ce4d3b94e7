#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "app/services.h"
#include "clickhouse/hot_table.h"
#include "nats/jetstream_api.h"
#include "ports/event_source.h"
#include "ports/lake_table.h"

namespace weir::app {

/// Takes a table over a part of its stream that is gone for good (G9). Two cases: the stream is the same and only lost its
/// beginning (trimmed, purged), then the position moves to just before what is left; or it is another one (re-created,
/// rolled back), then a new incarnation starts, whose base lies above every number a store has used.
///
/// Steps, each of which may be repeated: record the gap, choose the base by put-if-absent, delete what only ClickHouse has
/// of the lost tail, and last the transaction-only commit that moves the lake position.
struct GapAcceptor {
  Services& services;
  const PipelineConfig& config;
  Telemetry telemetry;
  const nats::StreamInfo& stream;
  std::string table;
  LakeTable& lake_table;
  clickhouse::ClickHouseHotTable* hot_table = nullptr;  ///< Null without ClickHouse.
  Epoch epoch;
  Seq position;                            ///< Of the lake.
  std::optional<StreamIdentity> identity;  ///< As of `position`.
  int64_t base = 0;                        ///< In: of the incarnation at hand. Out: of the one to read.

  /// Ends what an interrupted accept began; and, when `accept`, gives up what is missing now. Nothing missing: does
  /// nothing. Not accepted: leaves the complaint to the source's seek.
  [[nodiscard]] Status finish_or_accept(bool accept);

 private:
  [[nodiscard]] std::optional<StreamIdentity> seen_by_clickhouse() const;
  [[nodiscard]] Result<int64_t> first_of_new_life() const;
  [[nodiscard]] Status move_to(Seq last, const std::string& reason, int64_t incarnation);
  [[nodiscard]] Result<Seq> highest_used() const;
  [[nodiscard]] Status erase_hot_tail(Seq last) const;
};

}  // namespace weir::app
