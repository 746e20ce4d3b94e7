#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "audit/comparison.h"
#include "audit/erasure_store.h"
#include "audit/findings.h"
#include "audit/lake_books.h"
#include "audit/letter_store.h"
#include "audit/stream_rows.h"
#include "base/clock.h"
#include "base/status.h"
#include "clickhouse/client.h"
#include "engine/delta_table.h"
#include "engine/engine.h"
#include "engine/object_store.h"
#include "lake/gap_store.h"
#include "nats/connection.h"
#include "pipeline/hot_position.h"
#include "schema/table_schema.h"

namespace weir::audit {

/// ClickHouse's part of an audit.
struct HotAudit {
  clickhouse::Client* client = nullptr;  ///< Borrowed.
  /// Reads a shard's position now; empty: KV has none.
  std::function<Result<std::optional<pipeline::HotPosition>>(int32_t shard)> position;
  /// By shard: up to here a finished backfill of the whole table into this very table covers all rows..
  std::map<int32_t, Seq> covered_upper;
  std::optional<int64_t> covered_from_us;  ///< ..stored since then; empty: all.
  std::optional<std::chrono::microseconds> retention;
};

/// The stream's part of an audit.
struct StreamAudit {
  const nats::Connection* connection = nullptr;  ///< Borrowed.
  std::string stream;
  std::vector<std::string> subjects;
  int32_t shards = 1;
  int64_t base = 0;  ///< Of the incarnation at hand.
};

struct TableAuditOptions {
  std::shared_ptr<const Plan> plan;  ///< In force now.
  std::string pipeline;
  std::string lake_url;
  bool lake_sync = true;
  std::optional<Seq> from_seq;  ///< Only these sequences; counts of the whole are then not checked.
  std::optional<Seq> to_seq;
  std::optional<HotAudit> hot;        ///< Empty: a lake-only pipeline.
  std::optional<StreamAudit> stream;  ///< Empty: not compared.
  std::string stream_skipped;         ///< Why, then.
  int64_t now_us = 0;
  std::function<void(const std::string&)> progress = {};  ///< "events: shard 0, 1..900000 in ClickHouse".
};

/// One range of one shard and what the stores hold of it.
struct RangeReport {
  int32_t shard = 0;
  SeqRange range;
  std::string what;  ///< Which stores are compared, and whether the rows are demanded.
  std::optional<int64_t> stream_rows = {};
  std::optional<int64_t> lake_rows = {};
  std::optional<int64_t> dead_letters = {};
  std::optional<int64_t> hot_rows = {};
  int64_t rows_at_fault = 0;
  [[nodiscard]] bool equal() const { return rows_at_fault == 0; }
};

struct TableReport {
  explicit TableReport(std::string name) : table(name), log(std::move(name)) {}

  std::string table;
  int64_t lake_version = 0;
  std::vector<RangeReport> ranges;
  FindingLog log;
  std::vector<lake::Gap> gaps;                   ///< Given up and recorded; no difference.
  std::vector<Erasure> erasures;                 ///< Likewise.
  std::vector<LetterDecision> letter_decisions;  ///< Likewise.
  int64_t quarantined = 0;                       ///< Rows that ClickHouse refused and Weir put aside; likewise.
  std::vector<std::string> notes;                ///< What was not compared and why.
  [[nodiscard]] bool clean() const { return log.clean(); }
};

/// `range` cut to the sequences that were asked for.
[[nodiscard]] SeqRange asked_for(const TableAuditOptions& options, SeqRange range);

/// Audits one table at its newest version: everything at or below the positions read at the start is immutable, so it
/// runs beside live ingest. kNotFound: the table is not in the lake yet. Any other error names the store that did not
/// answer. Blocks; one thread.
[[nodiscard]] Result<TableReport> audit_table(const engine::Engine& engine, const Clock& clock,
                                              const TableAuditOptions& options);

}  // namespace weir::audit
