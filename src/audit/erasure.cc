#include "audit/erasure.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "audit/hot_rows.h"
#include "audit/lake_books.h"
#include "audit/lake_query.h"
#include "audit/letter_store.h"
#include "base/crash_point.h"
#include "clickhouse/ddl.h"
#include "clickhouse/table_setup.h"
#include "engine/delta_table.h"
#include "engine/sql_plan.h"
#include "lake/lake_layout.h"

namespace weir::audit {
namespace {

constexpr int kLakeAttemptsMax = 20;          // Other writers of the table may be faster a few times in a row.
constexpr size_t kRangesPerMutation = 1'000;  // Keeps the statement below ClickHouse's limits for one.

/// One erasure of one table.
class Erasing {
 public:
  Erasing(const engine::Engine& engine, const ErasureRequest& request)
      : engine_(engine),
        request_(request),
        table_(request.plan->table),
        store_(engine::ObjectStore(engine, request.lake_url, request.lake_sync)) {}

  Result<ErasureOutcome> run() {
    WEIR_RETURN_IF_ERROR(check_predicate());
    WEIR_ASSIGN_OR_RETURN(lake_, engine::DeltaTable::open(engine_, lake::table_url(request_.lake_url, table_),
                                                          {.sync = request_.lake_sync}));
    WEIR_RETURN_IF_ERROR(find_or_plan());
    if (request_.dry_run || outcome_.erasure.number == 0) return std::move(outcome_);
    if (!outcome_.resumed) {
      const Status recorded = store_.record(outcome_.erasure);
      if (recorded.code() == StatusCode::kAlreadyExists) {
        return conflict("another process began an erasure of " + table_ +
                        " at this moment; look at weir audit, then again");
      }
      WEIR_RETURN_IF_ERROR(recorded);
    }
    crash_point("erasure_recorded");
    WEIR_RETURN_IF_ERROR(erase_in_lake().with_context("the lake"));
    crash_point("erasure_in_lake");
    if (request_.hot) WEIR_RETURN_IF_ERROR(erase_in_hot().with_context("ClickHouse"));
    WEIR_RETURN_IF_ERROR(store_.finish(outcome_.erasure, request_.now_us));
    outcome_.erasure.done = true;
    return std::move(outcome_);
  }

 private:
  // The same rules as for a plan's SQL: one row at a time, and the same answer whenever it is asked.
  Status check_predicate() const {
    if (request_.reason.empty()) return invalid_argument("--reason: say why, it is kept on record");
    const auto compiled = engine::SqlPlan::compile(engine_, row_arrow_schema(*request_.plan),
                                                   "SELECT 1 AS matches FROM input WHERE (" + request_.predicate + ")");
    return compiled.status().with_context("--where \"" + request_.predicate + "\"");
  }

  Status find_or_plan() {
    WEIR_ASSIGN_OR_RETURN(std::vector<Erasure> erasures, store_.list(table_));
    for (Erasure& erasure : erasures) {
      if (erasure.done) continue;
      if (erasure.predicate != request_.predicate || erasure.reason != request_.reason) {
        return already_exists("erasure " + std::to_string(erasure.number) + " of " + table_ +
                              " is unfinished; finish it first: --where '" + erasure.predicate + "' --reason '" +
                              erasure.reason + "'");
      }
      outcome_.erasure = std::move(erasure);
      outcome_.resumed = true;
      return ok_status();
    }
    return plan(erasures.empty() ? 1 : erasures.back().number + 1);
  }

  Status plan(int64_t number) {
    WEIR_ASSIGN_OR_RETURN(const auto snapshot, lake_->snapshot());
    WEIR_ASSIGN_OR_RETURN(const auto description, snapshot->describe(/*with_files=*/false));
    Erasure erasure{.number = 0,
                    .table = table_,
                    .predicate = request_.predicate,
                    .reason = request_.reason,
                    .recorded_us = request_.now_us,
                    .lake_version = description.version};
    for (const auto& [shard, books] : shard_books(description.txns, table_)) erasure.upto[shard] = books.position;
    outcome_.erasure = std::move(erasure);
    const LakeQuery query(engine_, {.name = "rows", .snapshot = snapshot.get()});
    const auto schema = arrow::schema({arrow::field("_shard", arrow::int32()), arrow::field("_seq", arrow::int64()),
                                       arrow::field("_row", arrow::int32())});
    IdentitySet& identities = outcome_.erasure.identities;
    int64_t unmerged = 0;
    WEIR_RETURN_IF_ERROR(query.each_batch(
        R"(SELECT "_shard", "_seq", "_row" FROM "rows" WHERE )" + predicate(), schema,
        [&](const arrow::RecordBatch& batch) {
          const auto& shards = static_cast<const arrow::Int32Array&>(*batch.column(0));
          const auto& seqs = static_cast<const arrow::Int64Array&>(*batch.column(1));
          const auto& ordinals = static_cast<const arrow::Int32Array&>(*batch.column(2));
          for (int64_t i = 0; i < batch.num_rows(); ++i) {
            identities.add_row(shards.Value(i), {Seq{seqs.Value(i)}, ordinals.Value(i)});
          }
          unmerged += batch.num_rows();
          if (unmerged > request_.ranges_max) {
            identities.finish();  // Sequential identities merge, so that few ranges stand for many rows.
            unmerged = 0;
          }
          return ok_status();
        }));
    identities.finish();
    int64_t ranges = 0;
    for (const auto& [shard, of_shard] : identities.shards()) ranges += static_cast<int64_t>(of_shard.size());
    if (ranges > request_.ranges_max) {
      return resource_exhausted("the rows are in " + std::to_string(ranges) + " ranges, more than the " +
                                std::to_string(request_.ranges_max) + " that one record keeps; erase them in parts");
    }
    if (ranges > 0) outcome_.erasure.number = number;
    return ok_status();
  }

  // Only what was counted: rows that came later have a number above their shard's.
  [[nodiscard]] std::string predicate() const {
    std::string upto;
    for (const auto& [shard, seq] : outcome_.erasure.upto) {
      upto += (upto.empty() ? "" : " OR ");
      upto += "(\"_shard\" = " + std::to_string(shard) + " AND \"_seq\" <= " + to_string(seq) + ")";
    }
    return "(" + request_.predicate + ") AND (" + (upto.empty() ? "false" : upto) + ")";
  }

  // A replay of dead letters may have brought rows below the positions since. Too many ranges make no predicate; should
  // a replay have come between, the count says so.
  [[nodiscard]] std::string exactly() const {
    constexpr size_t kRangesMax = 2'000;
    size_t ranges = 0;
    for (const auto& [shard, of_shard] : outcome_.erasure.identities.shards()) ranges += of_shard.size();
    if (ranges > kRangesMax) return predicate();
    return "(" + predicate() + ") AND (" + identities_sql(outcome_.erasure.identities) + ")";
  }

  Status erase_in_lake() {
    const int64_t number = outcome_.erasure.number;
    const nlohmann::json info{{"weir", {{"erasure", number}}}};
    Status last;
    for (int attempt = 0; attempt < kLakeAttemptsMax; ++attempt) {
      WEIR_ASSIGN_OR_RETURN(const auto snapshot, lake_->snapshot());
      WEIR_ASSIGN_OR_RETURN(const auto carried_out, snapshot->txn(erasure_app_id(table_)));
      if (carried_out.value_or(0) >= number) return ok_status();
      const auto deleted = lake_->delete_rows(exactly(), {{erasure_app_id(table_), number}}, info.dump());
      if (deleted.ok()) {
        outcome_.lake_rows_deleted = deleted->rows_deleted;
        if (deleted->rows_deleted == outcome_.rows()) return ok_status();
        return data_loss("the record names " + std::to_string(outcome_.rows()) + " rows, " +
                         std::to_string(deleted->rows_deleted) + " were deleted by version " +
                         std::to_string(deleted->version) + "; the version before it still has them");
      }
      last = deleted.status();
      if (last.disposition() != Disposition::kReconcile) return last;
    }
    return last;
  }

  Status erase_in_hot() {
    clickhouse::Client& client = *request_.hot->client;
    WEIR_RETURN_IF_ERROR(client.ping().status());
    WEIR_ASSIGN_OR_RETURN(const auto state, clickhouse::table_state(client, table_));
    if (!state) return ok_status();
    for (const auto& [shard, ranges] : outcome_.erasure.identities.shards()) {
      WEIR_RETURN_IF_ERROR(check_nobody_inserts(shard, ranges));
      for (size_t i = 0; i < ranges.size(); i += kRangesPerMutation) {
        const size_t end = std::min(ranges.size(), i + kRangesPerMutation);
        WEIR_RETURN_IF_ERROR(delete_ranges(
            client, shard, {ranges.begin() + static_cast<ptrdiff_t>(i), ranges.begin() + static_cast<ptrdiff_t>(end)}));
      }
    }
    return ok_status();
  }

  // Above its position, rows that are gone from the lake may still be on their way from a process's memory.
  [[nodiscard]] Status check_nobody_inserts(int32_t shard, const std::vector<IdentityRange>& ranges) const {
    if (shard < 0) return ok_status();
    Seq last{0};
    for (const IdentityRange& range : ranges) last = std::max(last, range.seqs.last);
    WEIR_ASSIGN_OR_RETURN(const auto position, request_.hot->position(shard));
    if (position && !position->provisional && position->hot_position >= last) return ok_status();
    return unavailable("it stands at " + (position ? to_string(position->hot_position) : std::string("no position")) +
                       ", below the erased _seq " + to_string(last) +
                       ": the rows may still be on their way there. Start weir run and repeat the command once it has "
                       "caught up");
  }

  Status delete_ranges(clickhouse::Client& client, int32_t shard, const std::vector<IdentityRange>& ranges) {
    std::string where = " WHERE `_shard` = " + std::to_string(shard) + " AND (";
    for (size_t i = 0; i < ranges.size(); ++i) {
      where += std::string(i == 0 ? "" : " OR ") + "(`_seq` BETWEEN " + to_string(ranges[i].seqs.first) + " AND " +
               to_string(ranges[i].seqs.last) + " AND `_row` = " + std::to_string(ranges[i].row) + ")";
    }
    where += ")";
    const std::string name = clickhouse::qualified(client.options().database, table_);
    WEIR_ASSIGN_OR_RETURN(const auto counted, client.query_rows({.sql = "SELECT count() FROM " + name + where}));
    int64_t rows = 0;
    if (counted.size() == 1 && counted[0].size() == 1) {
      std::from_chars(counted[0][0].data(), counted[0][0].data() + counted[0][0].size(), rows);
    }
    // One mutation, waited for.
    WEIR_RETURN_IF_ERROR(client.execute({.sql = "ALTER TABLE " + name + " DELETE" + where}));
    outcome_.hot_rows_deleted += rows;
    return ok_status();
  }

  const engine::Engine& engine_;
  const ErasureRequest& request_;
  const std::string table_;
  const ErasureStore store_;
  std::unique_ptr<engine::DeltaTable> lake_;
  ErasureOutcome outcome_;
};

}  // namespace

int64_t ErasureOutcome::rows() const { return erasure.identities.size(); }

Result<ErasureOutcome> erase_rows(const engine::Engine& engine, const ErasureRequest& request) {
  return Erasing(engine, request).run();
}

}  // namespace weir::audit
