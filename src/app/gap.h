#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/services.h"
#include "clickhouse/hot_table.h"
#include "nats/jetstream_api.h"
#include "ports/event_source.h"
#include "ports/lake_table.h"

namespace weir::app {

/// One table of a shard as the gap finds it. Borrowed parts outlive the call.
struct GapTable {
  std::string name;
  LakeTable& lake_table;
  clickhouse::ClickHouseHotTable* hot_table = nullptr;  ///< Null without ClickHouse.
  Seq position;                                         ///< Of the lake.
  int64_t dead_letter_position = 0;
  std::optional<StreamIdentity> identity;  ///< Of the stream, as of `position`.
};

/// Takes the tables of a shard over a part of their stream that is gone for good (G9). Two cases: the stream is the same and
/// only lost its beginning (trimmed, purged), then positions move to just before what is left; or it is another one
/// (re-created, rolled back), then a new incarnation starts for all tables, whose base lies above every number a store has used.
///
/// Steps, each of which may be repeated: choose the base by put-if-absent; then per table record the gap, delete what only
/// ClickHouse has of the lost tail, and last the transaction-only commit that moves the lake position. A table whose position
/// is below the base is one whose move was interrupted, and is moved at the next start, asked or not.
/// Requires: the shard's lease and its epoch in every lake table, so that no position moves meanwhile.
struct GapAcceptor {
  Services& services;
  const PipelineConfig& config;
  Telemetry telemetry;
  const nats::StreamInfo& stream;
  Epoch epoch;
  int64_t base = 0;  ///< In: of the incarnation at hand. Out: of the one to read.
  std::vector<GapTable> tables;

  /// Ends what an interrupted accept began; and, when `accept`, gives up what is missing now. Not accepted: kDataLoss names
  /// the range. Nothing missing: does nothing.
  [[nodiscard]] Status finish_or_accept(bool accept);

 private:
  /// Why a table cannot go on.
  struct Missing {
    Status why;              ///< Ok: nothing is missing.
    bool other_life = false; ///< Not trimmed: the stream is another one.
  };

  [[nodiscard]] Status finish_moves(const std::string& reason, int64_t incarnation);
  [[nodiscard]] Result<Missing> missing_of(const GapTable& table) const;
  [[nodiscard]] Result<bool> same_life(const GapTable& table) const;
  [[nodiscard]] std::optional<StreamIdentity> seen_by_clickhouse(const GapTable& table) const;
  [[nodiscard]] Result<int64_t> first_of_new_life(const GapTable& table) const;
  [[nodiscard]] Status start_new_life(const std::string& reason);
  [[nodiscard]] Result<Seq> highest_used() const;
  [[nodiscard]] Status move_to(GapTable* table, int64_t first, const std::string& reason, int64_t incarnation);
  [[nodiscard]] Status erase_hot_tail(const GapTable& table, Seq last) const;
  [[nodiscard]] Result<int64_t> stored_time_us(int64_t stream_seq) const;
};

}  // namespace weir::app
