#include "audit/table_audit.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "audit/hot_check.h"
#include "audit/lake_rows.h"
#include "audit/stream_check.h"
#include "lake/dead_letter_table.h"
#include "lake/lake_layout.h"

namespace weir::audit {
namespace {

// Rows put aside because ClickHouse can never take them: `_weir/quarantine/<table>/<shard>/<_seq>-<_row>.txt`.
Result<IdentitySet> quarantined_rows(const engine::ObjectStore& objects, const std::string& table) {
  const std::string folder = "_weir/quarantine/" + table;
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(folder));
  IdentitySet rows;
  for (const engine::ObjectEntry& entry : entries) {
    if (!entry.path.starts_with(folder + "/")) continue;
    const char* at = entry.path.data() + folder.size() + 1;
    const char* const end = entry.path.data() + entry.path.size();
    int32_t shard = 0;
    RowId id;
    const auto take = [&](auto* number, char after) {
      const auto [next, error] = std::from_chars(at, end, *number);
      if (error != std::errc() || next == end || *next != after) return false;
      at = next + 1;
      return true;
    };
    if (take(&shard, '/') && take(&id.seq.value, '-') && take(&id.row, '.')) rows.add_row(shard, id);
  }
  rows.finish();
  return rows;
}

/// The audit of one table: what the steps share.
class TableAudit {
 public:
  TableAudit(const engine::Engine& engine, const Clock& clock, const TableAuditOptions& options)
      : engine_(engine),
        clock_(clock),
        options_(options),
        table_(options.plan->table),
        objects_(engine, options.lake_url, options.lake_sync),
        report_(table_) {}

  Result<TableReport> run() {
    WEIR_RETURN_IF_ERROR(open_lake().with_context("the lake"));
    WEIR_RETURN_IF_ERROR(read_records().with_context("the lake"));
    WEIR_RETURN_IF_ERROR(check_lake().with_context("the lake"));
    WEIR_RETURN_IF_ERROR(check_letters().with_context("the dead letters"));
    WEIR_RETURN_IF_ERROR(check_hot());
    WEIR_RETURN_IF_ERROR(check_stream());
    return std::move(report_);
  }

 private:
  Status open_lake() {
    const engine::StoreOptions store{.sync = options_.lake_sync};
    WEIR_ASSIGN_OR_RETURN(rows_.table,
                          engine::DeltaTable::open(engine_, lake::table_url(options_.lake_url, table_), store));
    WEIR_RETURN_IF_ERROR(pin(&rows_, table_, "", StoreName::kLake));
    report_.lake_version = rows_.description.version;
    shards_ = shard_books(rows_.description.txns, table_);
    const std::string letters(lake::kDeadLetterTable);
    auto opened = engine::DeltaTable::open(engine_, lake::table_url(options_.lake_url, letters), store);
    if (opened.status().code() == StatusCode::kNotFound) return ok_status();
    WEIR_RETURN_IF_ERROR(opened.status());
    letters_.table = std::move(opened).value();
    return pin(&letters_, letters, "table=" + table_, StoreName::kDeadLetters);
  }

  struct Pinned {
    std::unique_ptr<engine::DeltaTable> table;
    std::unique_ptr<engine::Snapshot> snapshot;
    engine::TableDescription description;
    FileCheck files;
  };

  Status pin(Pinned* pinned, const std::string& folder, const std::string& partition, StoreName store) {
    WEIR_ASSIGN_OR_RETURN(pinned->snapshot, pinned->table->snapshot());
    WEIR_ASSIGN_OR_RETURN(pinned->description, pinned->snapshot->describe(/*with_files=*/true));
    WEIR_ASSIGN_OR_RETURN(pinned->files,
                          check_files(objects_, folder, pinned->description, partition, store, report_.log));
    pinned->description.data_files.clear();
    return ok_status();
  }

  Status read_records() {
    WEIR_ASSIGN_OR_RETURN(report_.erasures, ErasureStore(objects_).list(table_));
    for (const Erasure& erasure : report_.erasures) {
      if (!erasure.done) {
        report_.notes.push_back("erasure " + std::to_string(erasure.number) +
                                " is not finished: repeat weir erase --table " + table_ + " --where '" +
                                erasure.predicate + "' --reason '" + erasure.reason + "'");
      }
      if (!carried_out(erasure)) continue;  // Its rows are rows like all others as yet.
      erased_.add(erasure.identities);
    }
    erased_.finish();
    WEIR_RETURN_IF_ERROR(read_letter_decisions());
    WEIR_ASSIGN_OR_RETURN(quarantined_, quarantined_rows(objects_, table_));
    const lake::GapStore gaps(objects_);
    WEIR_ASSIGN_OR_RETURN(report_.gaps, gaps.list(table_));
    return ok_status();
  }

  Status read_letter_decisions() {
    WEIR_ASSIGN_OR_RETURN(report_.letter_decisions, LetterStore(objects_).list(table_));
    for (const LetterDecision& decision : report_.letter_decisions) {
      if (decision.fate != LetterFate::kReplayed) continue;
      if (!decision.done) {
        report_.notes.push_back("replay " + std::to_string(decision.number) +
                                " of dead letters is not finished: weir dead-letters FILE replay --table " + table_);
      }
      if (carried_out(decision)) replayed_.add(decision.rows);
    }
    replayed_.finish();
    return check_replays();
  }

  // What the lake counts as replayed, and whether each of these rows is there.
  Status check_replays() {
    IdentitySet wanted;
    for (const auto& [shard, ranges] : replayed_.shards()) {
      const auto counted = rows_.description.txns.find(position_app_id(table_, shard) + "/replayed");
      const int64_t says = counted == rows_.description.txns.end() ? 0 : counted->second;
      if (says != replayed_.size(shard)) {
        report_.log.add({.kind = FindingKind::kCountOff,
                         .store = StoreName::kLake,
                         .shard = shard,
                         .range = {Seq{1}, shards_[shard].position},
                         .rows = std::abs(says - replayed_.size(shard)),
                         .detail = "its transactions count " + std::to_string(says) +
                                   " replayed dead letters, the records " + std::to_string(replayed_.size(shard))});
      }
      for (const IdentityRange& range : ranges) {
        for (Seq seq = range.seqs.first; seq <= range.seqs.last; seq = seq + 1) {
          if (!erased_.contains(shard, {seq, range.row})) wanted.add_row(shard, {seq, range.row});
        }
      }
    }
    wanted.finish();
    if (wanted.shards().empty()) return ok_status();
    IdentitySet there;
    const auto schema = arrow::schema({arrow::field("_shard", arrow::int32()), arrow::field("_seq", arrow::int64()),
                                       arrow::field("_row", arrow::int32())});
    WEIR_RETURN_IF_ERROR(
        query(rows_).each_batch(R"(SELECT "_shard", "_seq", "_row" FROM "audited" WHERE )" + identities_sql(wanted),
                                schema, [&](const arrow::RecordBatch& batch) {
                                  const auto& of_shard = static_cast<const arrow::Int32Array&>(*batch.column(0));
                                  const auto& seqs = static_cast<const arrow::Int64Array&>(*batch.column(1));
                                  const auto& ordinals = static_cast<const arrow::Int32Array&>(*batch.column(2));
                                  for (int64_t i = 0; i < batch.num_rows(); ++i) {
                                    there.add_row(of_shard.Value(i), {Seq{seqs.Value(i)}, ordinals.Value(i)});
                                  }
                                  return ok_status();
                                }));
    there.finish();
    for (const auto& [shard, ranges] : wanted.shards()) {
      for (const IdentityRange& range : ranges) {
        for (Seq seq = range.seqs.first; seq <= range.seqs.last; seq = seq + 1) {
          const RowId id{seq, range.row};
          if (there.contains(shard, id)) continue;
          report_.log.add_row({.kind = FindingKind::kMissing,
                               .store = StoreName::kLake,
                               .shard = shard,
                               .id = id,
                               .detail = "a replay of dead letters made it"});
        }
      }
    }
    report_.log.pass_in_order();
    return ok_status();
  }

  [[nodiscard]] LakeQuery query(const Pinned& pinned) const {
    return {engine_, {.name = "audited", .snapshot = pinned.snapshot.get(), .files = pinned.files.readable}};
  }

  // By the lake, in the version at hand.
  [[nodiscard]] bool carried_out(const Erasure& erasure) const {
    const auto last = rows_.description.txns.find(erasure_app_id(table_));
    return last != rows_.description.txns.end() && erasure.number <= last->second;
  }

  [[nodiscard]] bool carried_out(const LetterDecision& decision) const {
    const auto last = rows_.description.txns.find(replay_app_id(table_));
    return last != rows_.description.txns.end() && decision.number <= last->second;
  }

  // How many rows the lake has given up on request, of each shard.
  [[nodiscard]] int64_t erased_in_lake(int32_t shard) const {
    int64_t rows = 0;
    for (const Erasure& erasure : report_.erasures) {
      if (carried_out(erasure)) rows += erasure.identities.size(shard);
    }
    return rows;
  }

  Status check_lake() {
    say("the lake's own books");
    std::map<int32_t, int64_t> expected;
    for (const auto& [shard, books] : shards_) {
      if (books.rows) expected[shard] = *books.rows + replayed_.size(shard) - erased_in_lake(shard);
    }
    WEIR_ASSIGN_OR_RETURN(const ShardRows rows,
                          check_books(query(rows_), shards_, expected, rows_.files, {}, report_.log));
    for (const auto& [shard, books] : shards_) {
      RangeReport& range = report_.ranges.emplace_back();
      range.shard = shard;
      range.range = {Seq{1}, books.position};
      range.what = "lake and its books";
      const auto found = rows.find(shard);
      range.lake_rows = found == rows.end() ? 0 : found->second;
      range.rows_at_fault = rows_at_fault(StoreName::kLake, shard);
    }
    return ok_status();
  }

  Status check_letters() {
    if (letters_.table == nullptr) return ok_status();
    std::map<int32_t, int64_t> expected;
    for (const auto& [shard, books] : shards_) {
      if (books.rejects) expected[shard] = *books.rejects;
    }
    BooksOptions options{.store = StoreName::kDeadLetters, .row_filter = letter_filter()};
    WEIR_ASSIGN_OR_RETURN(ShardRows rows,
                          check_books(query(letters_), shards_, expected, letters_.files, options, report_.log));
    for (RangeReport& range : report_.ranges) {
      range.dead_letters = rows[range.shard];
      range.rows_at_fault += rows_at_fault(StoreName::kDeadLetters, range.shard);
    }
    return ok_status();
  }

  Status check_hot() {
    if (!options_.hot) {
      report_.notes.emplace_back("ClickHouse: the pipeline has none");
      return ok_status();
    }
    LakeRows rows(query(rows_), hashed_columns_sql(*options_.plan));
    HotCheck check{.options = options_,
                   .lake = rows,
                   .shards = shards_,
                   .erased = erased_,
                   .quarantined = quarantined_,
                   .report = report_};
    return check.run().with_context("ClickHouse");
  }

  Status check_stream() {
    if (!options_.stream) {
      if (!options_.stream_skipped.empty()) report_.notes.push_back("stream: " + options_.stream_skipped);
      return ok_status();
    }
    LakeRows rows(query(rows_), hashed_columns_sql(*options_.plan));
    std::unique_ptr<LakeRows> letters;
    if (letters_.table != nullptr) {
      std::vector<std::string> columns;
      for (const std::string& name : hashed_letter_columns()) columns.push_back(quoted_name(name));
      letters = std::make_unique<LakeRows>(query(letters_), columns, letter_filter());
    }
    StreamCheck check{.engine = engine_,
                      .clock = clock_,
                      .options = options_,
                      .objects = objects_,
                      .lake = rows,
                      .letters = letters.get(),
                      .txns = rows_.description.txns,
                      .shards = shards_,
                      .erased = erased_,
                      .replayed = replayed_,
                      .report = report_};
    return check.run().with_context("the stream");
  }

  // Table names are [a-z][a-z0-9_]*: nothing to escape.
  [[nodiscard]] std::string letter_filter() const { return "\"table\" = '" + table_ + "'"; }

  [[nodiscard]] int64_t rows_at_fault(StoreName store, int32_t shard) const {
    int64_t rows = 0;
    for (const Finding& finding : report_.log.findings()) {
      if (finding.store == store && finding.shard == shard) rows += std::max<int64_t>(1, finding.rows);
    }
    return rows;
  }

  void say(const std::string& what) const {
    if (options_.progress) options_.progress(table_ + ": " + what);
  }

  const engine::Engine& engine_;
  const Clock& clock_;
  const TableAuditOptions& options_;
  const std::string table_;
  const engine::ObjectStore objects_;
  TableReport report_;
  Pinned rows_;
  Pinned letters_;
  std::map<int32_t, ShardBooks> shards_;
  IdentitySet erased_;
  IdentitySet quarantined_;
  IdentitySet replayed_;
};

}  // namespace

Result<TableReport> audit_table(const engine::Engine& engine, const Clock& clock, const TableAuditOptions& options) {
  return TableAudit(engine, clock, options).run();
}

SeqRange asked_for(const TableAuditOptions& options, SeqRange range) {
  if (options.from_seq) range.first = std::max(range.first, *options.from_seq);
  if (options.to_seq) range.last = std::min(range.last, *options.to_seq);
  return range;
}

}  // namespace weir::audit
