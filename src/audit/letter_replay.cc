#include "audit/letter_replay.h"

#include <arrow/array.h>
#include <arrow/builder.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <compare>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "audit/erasure_store.h"
#include "audit/lake_books.h"
#include "audit/lake_query.h"
#include "base/crash_point.h"
#include "engine/delta_table.h"
#include "lake/dead_letter_table.h"
#include "lake/lake_layout.h"
#include "lake/plan_store.h"
#include "pipeline/lake_sink.h"

namespace weir::audit {
namespace {

constexpr int kAttemptsMax = 20;  // Other writers of a table may be faster a few times in a row.
constexpr size_t kExamplesMax = 20;
constexpr size_t kReadTogether = 100;  // Payloads may be as large as a message.
// A subject that is not UTF-8 is not in the letter as it was.
constexpr std::string_view kReplayable = " AND \"code\" <> 'bad_subject'";

struct LetterId {
  int32_t shard = 0;
  RowId id;
  friend auto operator<=>(const LetterId&, const LetterId&) = default;
};

struct Letter {
  LetterId id;
  int64_t time_us = 0;
  std::string subject;
  std::string payload;
  std::string headers;
};

/// A dead letter as the message that it was, or the part of one.
class LetterBatch final : public MessageBatch {
 public:
  explicit LetterBatch(const Letter& letter)
      : message_{.seq = letter.id.id.seq,
                 .time_us = letter.time_us,
                 .subject = letter.subject,
                 .payload = letter.payload,
                 .headers = letter.headers} {}
  [[nodiscard]] SeqRange range() const override { return {message_.seq, message_.seq}; }
  [[nodiscard]] std::span<const Message> messages() const override { return {&message_, 1}; }
  [[nodiscard]] int64_t bytes() const override {
    return static_cast<int64_t>(message_.payload.size() + message_.headers.size());
  }

 private:
  const Message message_;
};

template <typename Array>
auto value(const arrow::RecordBatch& batch, int column, int64_t row) {
  return static_cast<const Array&>(*batch.column(column)).Value(row);
}

template <typename Array>
std::string text(const arrow::RecordBatch& batch, int column, int64_t row) {
  const auto& array = static_cast<const Array&>(*batch.column(column));
  return array.IsNull(row) ? "" : array.GetString(row);
}

// Of the first three columns.
LetterId id_at(const arrow::RecordBatch& batch, int64_t row) {
  return {value<arrow::Int32Array>(batch, 0, row),
          {Seq{value<arrow::Int64Array>(batch, 1, row)}, value<arrow::Int32Array>(batch, 2, row)}};
}

/// `_dead_letters` at one version, as one table's letters.
class LetterTable {
 public:
  /// kNotFound: the lake has no dead letters yet.
  static Result<std::unique_ptr<LetterTable>> open(const engine::Engine& engine, const LetterAccess& lake) {
    auto table = engine::DeltaTable::open(engine, lake::table_url(lake.lake_url, lake::kDeadLetterTable),
                                          {.sync = lake.lake_sync});
    if (!table.ok()) return table.status();
    auto opened = std::unique_ptr<LetterTable>(new LetterTable(engine, lake.table));
    opened->table_ = std::move(*table);
    WEIR_RETURN_IF_ERROR(opened->refresh());
    return opened;
  }

  Status refresh() {
    WEIR_ASSIGN_OR_RETURN(snapshot_, table_->snapshot());
    return ok_status();
  }

  /// The first letters that the predicate holds for, in order.
  Result<std::vector<LetterId>> ids(const std::string& predicate, int64_t limit) const {
    const auto schema = arrow::schema({arrow::field("_shard", arrow::int32()), arrow::field("_seq", arrow::int64()),
                                       arrow::field("_row", arrow::int32())});
    std::vector<LetterId> found;
    WEIR_RETURN_IF_ERROR(query().each_batch(R"(SELECT "_shard", "_seq", "_row" FROM "letters" WHERE )" + of_table() +
                                                " AND (" + predicate + R"() ORDER BY "_shard", "_seq", "_row" LIMIT )" +
                                                std::to_string(limit),
                                            schema, [&](const arrow::RecordBatch& batch) {
                                              for (int64_t i = 0; i < batch.num_rows(); ++i)
                                                found.push_back(id_at(batch, i));
                                              return ok_status();
                                            }));
    return found;
  }

  /// These letters, in order. kDataLoss: not each of them is there exactly once.
  Result<std::vector<Letter>> read(const IdentitySet& ids) const {
    const auto of = lake::dead_letter_schema();
    arrow::FieldVector fields;
    for (const char* name : {"_shard", "_seq", "_row", "_time", "_subject", "payload", "headers"}) {
      fields.push_back(of->GetFieldByName(name));
    }
    std::vector<Letter> letters;
    WEIR_RETURN_IF_ERROR(query().each_batch(
        R"(SELECT "_shard", "_seq", "_row", "_time", "_subject", "payload", "headers" FROM "letters" WHERE )" +
            of_table() + " AND (" + identities_sql(ids) + ")",
        arrow::schema(fields), [&](const arrow::RecordBatch& batch) {
          for (int64_t i = 0; i < batch.num_rows(); ++i) {
            letters.push_back({.id = id_at(batch, i),
                               .time_us = value<arrow::TimestampArray>(batch, 3, i),
                               .subject = text<arrow::StringArray>(batch, 4, i),
                               .payload = text<arrow::BinaryArray>(batch, 5, i),
                               .headers = text<arrow::BinaryArray>(batch, 6, i)});
          }
          return ok_status();
        }));
    std::ranges::sort(letters, {}, &Letter::id);
    const int64_t wanted = ids.size();
    const bool doubled = std::ranges::adjacent_find(letters, {}, &Letter::id) != letters.end();
    if (doubled || static_cast<int64_t>(letters.size()) != wanted) {
      return data_loss("of " + std::to_string(wanted) + " dead letters " + std::to_string(letters.size()) +
                       " are there; weir audit says which");
    }
    return letters;
  }

 private:
  LetterTable(const engine::Engine& engine, std::string table) : engine_(engine), name_(std::move(table)) {}

  [[nodiscard]] LakeQuery query() const {
    return {engine_, {.name = "letters", .snapshot = snapshot_.get(), .files = {}}};
  }
  [[nodiscard]] std::string of_table() const { return "\"table\" = " + quoted_text(name_); }

  const engine::Engine& engine_;
  const std::string name_;
  std::unique_ptr<engine::DeltaTable> table_;
  std::unique_ptr<engine::Snapshot> snapshot_;
};

// Letters that count: at or below the position of their shard, and not of a file.
std::string counted(const std::map<int32_t, ShardBooks>& shards, std::optional<Seq> upto = std::nullopt) {
  std::string sql;
  for (const auto& [shard, books] : shards) {
    if (shard < 0) continue;
    sql += (sql.empty() ? "" : " OR ");
    sql += "(\"_shard\" = " + std::to_string(shard) +
           " AND \"_seq\" <= " + to_string(upto ? std::min(*upto, books.position) : books.position) + ")";
  }
  return sql.empty() ? "false" : "(" + sql + ")";
}

std::string selected(const LetterSelection& selection) {
  std::string sql = "true";
  if (!selection.code.empty()) sql += " AND \"code\" = " + quoted_text(selection.code);
  if (selection.seq) sql += " AND \"_seq\" = " + to_string(*selection.seq);
  if (selection.row) sql += " AND \"_row\" = " + std::to_string(*selection.row);
  return sql;
}

std::string behind(const std::optional<LetterId>& last) {
  if (!last) return "true";
  const std::string shard = std::to_string(last->shard);
  const std::string seq = to_string(last->id.seq);
  return "(\"_shard\" > " + shard + " OR (\"_shard\" = " + shard + " AND (\"_seq\" > " + seq +
         " OR (\"_seq\" = " + seq + " AND \"_row\" > " + std::to_string(last->id.row) + "))))";
}

Result<std::map<int32_t, ShardBooks>> books_of(const engine::Engine& engine, const LetterAccess& lake) {
  WEIR_ASSIGN_OR_RETURN(const auto table, engine::DeltaTable::open(engine, lake::table_url(lake.lake_url, lake.table),
                                                                   {.sync = lake.lake_sync}));
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto description, snapshot->describe(/*with_files=*/false));
  return shard_books(description.txns, lake.table);
}

Result<std::shared_ptr<arrow::RecordBatch>> with_ordinal(const arrow::RecordBatch& rows, int32_t row) {
  arrow::Int32Builder ordinals;
  if (!ordinals.Append(row).ok()) return resource_exhausted("no memory for a row");
  const auto column = ordinals.Finish();
  if (!column.ok()) return resource_exhausted(column.status().message());
  const int at = rows.schema()->GetFieldIndex(std::string(kRowColumn));
  auto replaced = rows.SetColumn(at, rows.schema()->field(at), *column);
  if (!replaced.ok()) return internal_error(replaced.status().message());
  return *replaced;
}

/// What a plan makes of letters.
struct Made {
  std::vector<std::shared_ptr<arrow::RecordBatch>> rows;  // One row each.
  IdentitySet row_ids;
  IdentitySet letter_ids;  // Of the rows and of what was filtered.
  int64_t row_count = 0;
  int64_t filtered = 0;
};

/// One call of replay_letters().
class LetterReplay {
 public:
  LetterReplay(const engine::Engine& engine, const ReplayRequest& request)
      : engine_(engine),
        request_(request),
        table_(request.lake.table),
        objects_(engine, request.lake.lake_url, request.lake.lake_sync),
        store_(objects_) {}

  Result<ReplayOutcome> run() {
    auto letters = LetterTable::open(engine_, request_.lake);
    if (letters.status().code() == StatusCode::kNotFound) return std::move(outcome_);
    WEIR_RETURN_IF_ERROR(letters.status());
    letters_ = std::move(*letters);
    WEIR_RETURN_IF_ERROR(check_no_erasure());
    WEIR_RETURN_IF_ERROR(finish_begun());
    if (request_.may_begin) WEIR_RETURN_IF_ERROR(request_.may_begin());
    // What is rejected from here on is for the next call.
    WEIR_RETURN_IF_ERROR(letters_->refresh());
    WEIR_ASSIGN_OR_RETURN(const auto shards, books_of(engine_, request_.lake));
    const std::string wanted =
        counted(shards, request_.upto) + " AND " + selected(request_.selection) + std::string(kReplayable);
    std::optional<LetterId> last;
    while (true) {
      WEIR_ASSIGN_OR_RETURN(const auto page, letters_->ids(wanted + " AND " + behind(last), request_.letters_max));
      if (page.empty()) return std::move(outcome_);
      last = page.back();
      WEIR_RETURN_IF_ERROR(replay(page));
    }
  }

 private:
  // An erasure deletes by its predicate what its record names; rows that came in between would go as well.
  Status check_no_erasure() const {
    WEIR_ASSIGN_OR_RETURN(const auto erasures, ErasureStore(objects_).list(table_));
    for (const Erasure& erasure : erasures) {
      if (!erasure.done) {
        return already_exists("erasure " + std::to_string(erasure.number) + " of " + table_ +
                              " is unfinished; finish it first: weir erase, --where '" + erasure.predicate +
                              "' --reason '" + erasure.reason + "'");
      }
    }
    return ok_status();
  }

  Status finish_begun() {
    WEIR_ASSIGN_OR_RETURN(const auto decisions, store_.list(table_));
    WEIR_RETURN_IF_ERROR(letters_->refresh());
    next_number_ = decisions.empty() ? 1 : decisions.back().number + 1;
    WEIR_ASSIGN_OR_RETURN(const auto rows, request_.rows(*request_.plan));
    WEIR_ASSIGN_OR_RETURN(const auto snapshot, rows->snapshot());
    WEIR_ASSIGN_OR_RETURN(const auto carried_out, snapshot->txn(replay_app_id(table_)));
    for (const LetterDecision& decision : decisions) {
      // Of a lake that was put back to an older version, too, only what it says itself is true.
      const bool in_lake = decision.fate == LetterFate::kDropped || decision.number <= carried_out.value_or(0);
      if (decision.done && in_lake) {
        settled_.add(decision.letters);
        continue;
      }
      if (request_.dry_run) {
        return already_exists("replay " + std::to_string(decision.number) + " of " + table_ +
                              " is unfinished; call again without --dry-run, which finishes it first");
      }
      WEIR_RETURN_IF_ERROR(carry_out(decision, std::nullopt));
      outcome_.resumed = true;
    }
    settled_.finish();
    return ok_status();
  }

  // In records that hold no more bytes than one commit should.
  Status replay(const std::vector<LetterId>& page) {
    std::vector<LetterId> wanted;
    std::ranges::copy_if(page, std::back_inserter(wanted),
                         [&](const LetterId& id) { return !settled_.contains(id.shard, id.id); });
    std::vector<Letter> letters;
    int64_t bytes = 0;
    for (size_t i = 0; i < wanted.size();) {
      if (request_.stopping && request_.stopping()) return shutting_down("stopped; repeat the command, which goes on");
      IdentitySet some;
      for (size_t end = std::min(wanted.size(), i + kReadTogether); i < end; ++i)
        some.add_row(wanted[i].shard, wanted[i].id);
      some.finish();
      WEIR_ASSIGN_OR_RETURN(auto read, letters_->read(some));
      for (const Letter& letter : read) bytes += static_cast<int64_t>(letter.payload.size() + letter.headers.size());
      std::ranges::move(read, std::back_inserter(letters));
      if (i < wanted.size() && bytes < request_.bytes_max) continue;
      WEIR_RETURN_IF_ERROR(replay_together(std::exchange(letters, {})));
      bytes = 0;
    }
    return ok_status();
  }

  Status replay_together(const std::vector<Letter>& letters) {
    WEIR_ASSIGN_OR_RETURN(Made made, make(letters, request_.plan, /*first_time=*/true));
    if (request_.dry_run || made.letter_ids.shards().empty()) {
      outcome_.rows += made.row_count;
      outcome_.filtered += made.filtered;
      return ok_status();
    }
    const LetterDecision decision{.number = next_number_++,
                                  .table = table_,
                                  .fate = LetterFate::kReplayed,
                                  .reason = "",
                                  .plan_id = request_.plan->id(),
                                  .recorded_us = request_.now_us,
                                  .letters = made.letter_ids,
                                  .rows = made.row_ids};
    const Status recorded = store_.record(decision);
    if (recorded.code() == StatusCode::kAlreadyExists) {
      return conflict("another process decided about dead letters of " + table_ + " at this moment; try again");
    }
    WEIR_RETURN_IF_ERROR(recorded);
    crash_point("replay_recorded");
    // Again: an erasure that was recorded meanwhile has the right of way, and this record waits for the next call.
    WEIR_RETURN_IF_ERROR(check_no_erasure());
    return carry_out(decision, std::move(made));
  }

  Result<Made> make(const std::vector<Letter>& letters, const std::shared_ptr<const Plan>& plan, bool first_time) {
    Made made;
    std::map<int32_t, std::unique_ptr<RowTransform>> transforms;
    for (const Letter& letter : letters) {
      auto& transform = transforms[letter.id.shard];
      if (transform == nullptr) {
        WEIR_ASSIGN_OR_RETURN(transform, request_.transform(plan, letter.id.shard, first_time));
      }
      const LetterBatch batch(letter);
      WEIR_ASSIGN_OR_RETURN(const auto slice, transform->apply(batch, batch.range()));
      if (first_time) ++outcome_.looked_at;
      if (slice->ends_plan) {
        if (first_time) ++outcome_.need_columns;
        continue;
      }
      if (slice->events != 1) {
        if (first_time) {
          note_rejected(letter, "several_events",
                        "the message holds " + std::to_string(slice->events) +
                            " events under this plan, and was rejected as one: publish it again");
        }
        continue;
      }
      if (!slice->rejects.empty()) {
        if (first_time) note_rejected(letter, slice->rejects.front().code, slice->rejects.front().reason);
        continue;
      }
      made.letter_ids.add_row(letter.id.shard, letter.id.id);
      if (slice->rows->num_rows() == 0) {
        ++made.filtered;
        continue;
      }
      WEIR_ASSIGN_OR_RETURN(auto row, with_ordinal(*slice->rows, letter.id.id.row));
      made.rows.push_back(std::move(row));
      made.row_ids.add_row(letter.id.shard, letter.id.id);
      ++made.row_count;
    }
    made.letter_ids.finish();
    made.row_ids.finish();
    return made;
  }

  void note_rejected(const Letter& letter, std::string code, std::string reason) {
    ++outcome_.rejected;
    if (outcome_.examples.size() < kExamplesMax) {
      outcome_.examples.push_back({letter.id.shard, letter.id.id, std::move(code), std::move(reason)});
    }
  }

  // Steps that are behind us are found done, each in its store.
  Status carry_out(const LetterDecision& decision, std::optional<Made> made) {
    WEIR_RETURN_IF_ERROR(into_lake(decision, std::move(made)).with_context("the lake"));
    crash_point("replay_in_lake");
    if (request_.into_hot && !decision.rows.shards().empty()) {
      WEIR_RETURN_IF_ERROR(request_.into_hot(decision.rows).with_context("ClickHouse"));
    }
    crash_point("replay_in_clickhouse");
    WEIR_RETURN_IF_ERROR(store_.finish(decision, request_.now_us));
    settled_.add(decision.letters);
    settled_.finish();
    outcome_.numbers.push_back(decision.number);
    outcome_.rows += decision.rows.size();
    outcome_.filtered += decision.letters.size() - decision.rows.size();
    return ok_status();
  }

  Status into_lake(const LetterDecision& decision, std::optional<Made> made) {
    WEIR_ASSIGN_OR_RETURN(const auto plan, plan_of(decision));
    WEIR_ASSIGN_OR_RETURN(const auto rows, request_.rows(*plan));
    const nlohmann::json info{{"weir", {{"replay", decision.number}}}};
    std::unique_ptr<LakeFiles> files;
    Status last;
    for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
      WEIR_ASSIGN_OR_RETURN(const auto base, rows->snapshot());
      WEIR_ASSIGN_OR_RETURN(const auto carried_out, base->txn(replay_app_id(table_)));
      std::vector<LakeTxn> txns;
      // What can be seen may not be on disk: a commit that is made behind it, and synced, has it there.
      const bool seen = carried_out.value_or(0) >= decision.number;
      if (seen) {
        txns = {{replay_app_id(table_), *carried_out}};
      } else {
        WEIR_RETURN_IF_ERROR(check_below_position(*base, decision));
        if (!made) {
          WEIR_ASSIGN_OR_RETURN(made, make_again(decision, plan));
        }
        if (files == nullptr && !made->rows.empty()) {
          const auto joined = arrow::ConcatenateRecordBatches(made->rows);
          if (!joined.ok()) return resource_exhausted(joined.status().message());
          WEIR_ASSIGN_OR_RETURN(files, rows->write_files({*joined}));
        }
        WEIR_ASSIGN_OR_RETURN(txns, transactions(*base, decision));
      }
      last = rows->commit(*base, seen ? nullptr : files.get(), txns, info.dump()).status();
      if (last.ok()) return ok_status();
      if (last.disposition() != Disposition::kReconcile) return last;
    }
    return last;
  }

  // Not so where the lake was put back to an older version: rows above its position would come again from the stream.
  Status check_below_position(const LakeSnapshot& base, const LetterDecision& decision) const {
    for (const auto& [shard, ranges] : decision.letters.shards()) {
      WEIR_ASSIGN_OR_RETURN(const auto position, base.txn(position_app_id(table_, shard)));
      for (const IdentityRange& range : ranges) {
        if (range.seqs.last.value <= position.value_or(0)) continue;
        return unavailable("it stands at " + std::to_string(position.value_or(0)) + ", below the dead letter at _seq " +
                           to_string(range.seqs.last) +
                           ": start weir run, and repeat the command once it has caught up");
      }
    }
    return ok_status();
  }

  Result<std::shared_ptr<const Plan>> plan_of(const LetterDecision& decision) const {
    if (decision.plan_id == request_.plan->id()) return request_.plan;
    return lake::PlanStore(objects_).load(table_, decision.plan_id);
  }

  Result<std::optional<Made>> make_again(const LetterDecision& decision, const std::shared_ptr<const Plan>& plan) {
    WEIR_ASSIGN_OR_RETURN(const auto letters, letters_->read(decision.letters));
    WEIR_ASSIGN_OR_RETURN(Made made, make(letters, plan, /*first_time=*/false));
    if (made.row_ids.shards() != decision.rows.shards() || made.letter_ids.shards() != decision.letters.shards()) {
      return data_loss("replay " + std::to_string(decision.number) +
                       " does not come to what its record says; the lake "
                       "has nothing of it");
    }
    return std::optional(std::move(made));
  }

  Result<std::vector<LakeTxn>> transactions(const LakeSnapshot& base, const LetterDecision& decision) const {
    std::vector<LakeTxn> txns{{replay_app_id(table_), decision.number}};
    for (const auto& [shard, ranges] : decision.letters.shards()) {
      const std::string app_id = position_app_id(table_, shard);
      const int64_t rows = decision.rows.size(shard);
      WEIR_ASSIGN_OR_RETURN(const auto rows_before, base.txn(app_id + "/replayed"));
      WEIR_ASSIGN_OR_RETURN(const auto filtered_before, base.txn(app_id + "/replayed_filtered"));
      txns.push_back({app_id + "/replayed", rows_before.value_or(0) + rows});
      txns.push_back(
          {app_id + "/replayed_filtered", filtered_before.value_or(0) + decision.letters.size(shard) - rows});
    }
    return txns;
  }

  const engine::Engine& engine_;
  const ReplayRequest& request_;
  const std::string table_;
  const engine::ObjectStore objects_;
  const LetterStore store_;
  std::unique_ptr<LetterTable> letters_;
  IdentitySet settled_;  // Dropped, or replayed before.
  int64_t next_number_ = 1;
  ReplayOutcome outcome_;
};

}  // namespace

Result<ReplayOutcome> replay_letters(const engine::Engine& engine, const ReplayRequest& request) {
  return LetterReplay(engine, request).run();
}

Result<LetterDecision> drop_letters(const engine::Engine& engine, const LetterAccess& lake,
                                    const LetterSelection& selection, const std::string& reason, int64_t now_us,
                                    bool dry_run) {
  if (reason.empty()) return invalid_argument("--reason: say why, it is kept on record");
  LetterDecision decision{.number = 0,
                          .table = lake.table,
                          .fate = LetterFate::kDropped,
                          .reason = reason,
                          .plan_id = "",
                          .recorded_us = now_us,
                          .letters = {},
                          .rows = {},
                          .done = true};
  const auto letters = LetterTable::open(engine, lake);
  if (letters.status().code() == StatusCode::kNotFound) return decision;
  WEIR_RETURN_IF_ERROR(letters.status());
  const LetterStore store(engine::ObjectStore(engine, lake.lake_url, lake.lake_sync));
  WEIR_ASSIGN_OR_RETURN(const auto decisions, store.list(lake.table));
  IdentitySet settled;
  for (const LetterDecision& before : decisions) settled.add(before.letters);
  settled.finish();
  WEIR_ASSIGN_OR_RETURN(const auto shards, books_of(engine, lake));
  constexpr int64_t kAll = 1'000'000;
  WEIR_ASSIGN_OR_RETURN(const auto found, (*letters)->ids(counted(shards) + " AND " + selected(selection), kAll));
  if (static_cast<int64_t>(found.size()) == kAll) {
    return resource_exhausted("more than " + std::to_string(kAll) + " dead letters match: drop them in parts, by code");
  }
  for (const LetterId& id : found) {
    if (!settled.contains(id.shard, id.id)) decision.letters.add_row(id.shard, id.id);
  }
  decision.letters.finish();
  if (dry_run || decision.letters.shards().empty()) return decision;
  decision.number = decisions.empty() ? 1 : decisions.back().number + 1;
  const Status recorded = store.record(decision);
  if (recorded.code() == StatusCode::kAlreadyExists) {
    return conflict("another process decided about dead letters of " + lake.table + " at this moment; try again");
  }
  WEIR_RETURN_IF_ERROR(recorded);
  return decision;
}

Result<SettledLetters> settled_letters(const LetterStore& store, std::string_view table, int64_t carried_out) {
  WEIR_ASSIGN_OR_RETURN(const auto decisions, store.list(table));
  SettledLetters settled;
  for (const LetterDecision& decision : decisions) {
    if (decision.fate == LetterFate::kDropped) {
      settled.dropped.add(decision.letters);
    } else if (decision.number <= carried_out) {
      settled.replayed.add(decision.letters);
    }
  }
  settled.dropped.finish();
  settled.replayed.finish();
  return settled;
}

}  // namespace weir::audit
