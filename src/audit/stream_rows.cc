#include "audit/stream_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <stop_token>
#include <utility>

#include "audit/lake_query.h"
#include "audit/lake_rows.h"
#include "batch/row_ids.h"
#include "lake/dead_letter_table.h"
#include "lake/row_cast.h"
#include "nats/read_range.h"
#include "nats/stream_source.h"
#include "nats/subject_match.h"

namespace weir::audit {
namespace {

// A dead letter as SQL takes it: user columns first, then the system columns.
std::shared_ptr<arrow::Schema> letter_input_schema() {
  const auto all = lake::dead_letter_schema();
  arrow::FieldVector fields;
  for (const auto& field : all->fields()) {
    if (!field->name().starts_with("_")) fields.push_back(field);
  }
  for (const std::string_view name : {kShardColumn, kSeqColumn, kRowColumn, kTimeColumn, kSubjectColumn}) {
    fields.push_back(all->GetFieldByName(std::string(name)));
  }
  return arrow::schema(std::move(fields));
}

Result<std::shared_ptr<arrow::RecordBatch>> letters_of(const Slice& slice, std::string_view table) {
  std::vector<const Reject*> rejects;
  for (const Reject& reject : slice.rejects) rejects.push_back(&reject);
  WEIR_ASSIGN_OR_RETURN(const auto batch, lake::reject_batch(table, slice.shard, rejects));
  return lake::cast_rows(*batch, letter_input_schema());
}

std::vector<std::string> letter_columns_sql() {
  std::vector<std::string> columns;
  for (const std::string& name : hashed_letter_columns()) columns.push_back(quoted_name(name));
  return columns;
}

// The hash of each row, by a plan that selects it as `h`.
Status append_prints(engine::SqlPlan& hash, const arrow::RecordBatch& rows, std::vector<RowPrint>* prints) {
  if (rows.num_rows() == 0) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto hashed, hash.run(rows));
  WEIR_ASSIGN_OR_RETURN(const std::vector<RowId> ids, row_ids(*hashed));
  WEIR_ASSIGN_OR_RETURN(const auto column,
                        lake::cast_rows(*hashed, arrow::schema({arrow::field("h", arrow::uint64())})));
  const auto& hashes = static_cast<const arrow::UInt64Array&>(*column->column(0));
  for (size_t i = 0; i < ids.size(); ++i) prints->push_back({.id = ids[i], .hash = hashes.Value(static_cast<int64_t>(i))});
  return ok_status();
}

std::vector<RowDigest>& buckets(std::vector<RowDigest>& digests, const RowScope& scope, int64_t width) {
  digests.resize(static_cast<size_t>(bucket_count(scope.seqs, width)));
  return digests;
}

}  // namespace

const std::vector<std::string>& hashed_letter_columns() {
  static const std::vector<std::string> kColumns = {"_shard", "_seq", "_row", "_time", "_subject", "code", "pointer",
                                                    "payload", "headers"};
  return kColumns;
}

/// Everything that one plan of the table's history needs.
struct StreamReplay::Transform {
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<engine::SqlPlan> sql;
  std::unique_ptr<transform::TableTransform> table;
  std::vector<std::string> columns_sql;  ///< As the plan now in force counts them.
  std::unique_ptr<engine::SqlPlan> row_hash;
  std::unique_ptr<engine::SqlPlan> letter_hash;
};

StreamReplay::StreamReplay(const nats::Connection& connection, const Clock& clock, const engine::Engine& engine,
                           lake::PlanStore plans, StreamReplayOptions options)
    : connection_(connection), clock_(clock), engine_(engine), plans_(std::move(plans)), options_(std::move(options)) {}

StreamReplay::~StreamReplay() = default;

Status StreamReplay::each(SeqRange range, const std::function<Status(const Output&)>& take) {
  if (range.empty()) return ok_status();
  WEIR_ASSIGN_OR_RETURN(const auto source, nats::StreamSource::create(connection_, clock_, options_.source));
  WEIR_RETURN_IF_ERROR(source->seek(range.first, std::nullopt));
  return nats::read_range(*source, range, options_.patience, [] { return false; },
                          [&](const MessageBatch& batch, SeqRange piece) -> Result<bool> {
                            WEIR_RETURN_IF_ERROR(transform_batch(batch, piece, take));
                            return true;
                          });
}

// A batch may reach over a change of plan; each part goes by its own.
Status StreamReplay::transform_batch(const MessageBatch& batch, SeqRange range,
                                     const std::function<Status(const Output&)>& take) {
  while (!range.empty()) {
    WEIR_ASSIGN_OR_RETURN(Transform * transform, transform_at(range.first));
    SeqRange part = range;
    for (const lake::PlanChange& change : *changes_) {
      if (change.effective_from > part.first) part.last = std::min(part.last, change.effective_from - 1);
    }
    WEIR_ASSIGN_OR_RETURN(const auto slice, transform->table->apply(batch, part));
    Output output;
    const auto messages = batch.messages();
    const auto first = std::ranges::lower_bound(messages, part.first, {}, &Message::seq);
    const auto end = std::ranges::upper_bound(messages, part.last, {}, &Message::seq);
    output.messages = {first, end};
    WEIR_RETURN_IF_ERROR(append_prints(*transform->row_hash, *slice->rows, &output.rows));
    if (!slice->rejects.empty()) {
      WEIR_ASSIGN_OR_RETURN(const auto letters, letters_of(*slice, transform->plan->table));
      WEIR_RETURN_IF_ERROR(append_prints(*transform->letter_hash, *letters, &output.letters));
    }
    WEIR_RETURN_IF_ERROR(take(output));
    range.first = part.last + 1;
  }
  return ok_status();
}

Result<StreamReplay::Transform*> StreamReplay::transform_at(Seq seq) {
  const std::string& table = options_.plan->table;
  if (!changes_) {
    WEIR_ASSIGN_OR_RETURN(changes_, plans_.history(table, options_.source.shard));
  }
  const auto after = std::ranges::upper_bound(*changes_, seq, {}, &lake::PlanChange::effective_from);
  if (after == changes_->begin()) return not_found("no plan is in force at " + to_string(seq));
  auto& transform = transforms_[std::prev(after)->plan_id];
  if (transform != nullptr) return transform.get();
  auto made = std::make_unique<Transform>();
  WEIR_ASSIGN_OR_RETURN(made->plan, plans_.load(table, std::prev(after)->plan_id));
  transform::TableTransformOptions options{.shard = options_.source.shard, .takes_subject = {}, .sql = {}};
  options.takes_subject = [subjects = options_.source.subjects](std::string_view subject) {
    return std::ranges::any_of(subjects,
                               [&](const std::string& pattern) { return nats::subject_matches(pattern, subject); });
  };
  if (!made->plan->sql.empty()) {
    WEIR_ASSIGN_OR_RETURN(made->sql,
                          engine::SqlPlan::compile(engine_, input_arrow_schema(*made->plan), made->plan->sql));
    options.sql = [sql = made->sql.get()](const std::shared_ptr<arrow::RecordBatch>& rows) { return sql->run(*rows); };
  }
  WEIR_ASSIGN_OR_RETURN(made->table, transform::TableTransform::create(made->plan, std::move(options)));
  std::vector<std::string> known;
  for (const RowColumn& column : made->plan->rows) known.push_back(column.name);
  made->columns_sql = hashed_columns_sql(*options_.plan, known);
  WEIR_ASSIGN_OR_RETURN(made->row_hash,
                        engine::SqlPlan::compile(engine_, row_arrow_schema(*made->plan),
                                                 "SELECT " + row_hash_call(made->columns_sql) + " AS h FROM input"));
  WEIR_ASSIGN_OR_RETURN(made->letter_hash,
                        engine::SqlPlan::compile(engine_, letter_input_schema(),
                                                 "SELECT " + row_hash_call(letter_columns_sql()) + " AS h FROM input"));
  transform = std::move(made);
  return transform.get();
}

Result<std::vector<std::vector<uint64_t>>> StreamReplay::column_hashes(RowId id, bool letter) {
  const size_t columns = letter ? hashed_letter_columns().size() : hashed_column_names(*options_.plan).size();
  std::vector<std::vector<uint64_t>> hashes(columns);
  WEIR_ASSIGN_OR_RETURN(const auto source, nats::StreamSource::create(connection_, clock_, options_.source));
  WEIR_RETURN_IF_ERROR(source->seek(id.seq, std::nullopt));
  WEIR_ASSIGN_OR_RETURN(const auto batch,
                        source->next({.messages_max = 1, .bytes_max = 8 << 20, .wait = std::chrono::seconds(5)}, {}));
  if (!batch->range().contains(id.seq)) return unavailable("the event of " + to_string(id.seq) + " does not come");
  WEIR_ASSIGN_OR_RETURN(Transform * transform, transform_at(id.seq));
  WEIR_ASSIGN_OR_RETURN(const auto slice, transform->table->apply(*batch, {id.seq, id.seq}));
  std::shared_ptr<arrow::RecordBatch> rows = slice->rows;
  if (letter) {
    WEIR_ASSIGN_OR_RETURN(rows, letters_of(*slice, transform->plan->table));
  }
  const std::vector<std::string> sql = letter ? letter_columns_sql() : transform->columns_sql;
  const auto schema = letter ? letter_input_schema() : row_arrow_schema(*transform->plan);
  for (size_t i = 0; i < columns; ++i) {
    WEIR_ASSIGN_OR_RETURN(const auto hash, engine::SqlPlan::compile(
                                               engine_, schema, "SELECT " + row_hash_call({sql[i]}) + " AS h FROM input"));
    std::vector<RowPrint> prints;
    WEIR_RETURN_IF_ERROR(append_prints(*hash, *rows, &prints));
    for (const RowPrint& print : prints) {
      if (print.id == id) hashes[i].push_back(print.hash);
    }
  }
  return hashes;
}

/// The dead letters beside the rows.
class StreamRows::Letters final : public DigestedRows {
 public:
  explicit Letters(StreamRows& rows) : rows_(rows) {}

  Result<std::vector<RowDigest>> digests(const RowScope& scope, int64_t width) override {
    const auto kept = rows_.letters_.find({scope.seqs.first.value, width});
    if (kept != rows_.letters_.end() && kept->second.size() == static_cast<size_t>(bucket_count(scope.seqs, width))) {
      return kept->second;
    }
    WEIR_ASSIGN_OR_RETURN(Digests digests, rows_.replay_digests(scope, width));
    return std::move(digests.letters);
  }
  Result<std::vector<RowPrint>> prints(const RowScope& scope) override { return rows_.replay_prints(scope, true); }
  Result<std::vector<std::vector<uint64_t>>> column_hashes(int32_t, RowId id) override {
    return rows_.replay_.column_hashes(id, true);
  }
  [[nodiscard]] bool may_forget() const override { return true; }
  [[nodiscard]] bool forgot(RowId id) const override { return rows_.forgot(id); }

 private:
  StreamRows& rows_;
};

std::unique_ptr<DigestedRows> StreamRows::letters() { return std::make_unique<Letters>(*this); }

Result<StreamRows::Digests> StreamRows::replay_digests(const RowScope& scope, int64_t width) {
  Digests digests;
  auto& rows = buckets(digests.rows, scope, width);
  auto& letters = buckets(digests.letters, scope, width);
  const auto add = [&](std::vector<RowDigest>& to, const RowPrint& print) {
    to[static_cast<size_t>((print.id.seq - scope.seqs.first) / width)].add(print.id.seq, print.hash);
  };
  WEIR_RETURN_IF_ERROR(replay_.each(scope.seqs, [&](const StreamReplay::Output& output) {
    for (const RowPrint& print : output.rows) add(rows, print);
    for (const RowPrint& print : output.letters) add(letters, print);
    return ok_status();
  }));
  return digests;
}

Result<std::vector<RowDigest>> StreamRows::digests(const RowScope& scope, int64_t width) {
  WEIR_ASSIGN_OR_RETURN(Digests digests, replay_digests(scope, width));
  letters_[{scope.seqs.first.value, width}] = std::move(digests.letters);
  return std::move(digests.rows);
}

Result<std::vector<RowPrint>> StreamRows::prints(const RowScope& scope) { return replay_prints(scope, false); }

Result<std::vector<RowPrint>> StreamRows::replay_prints(const RowScope& scope, bool letters) {
  std::vector<RowPrint> prints;
  events_.clear();
  WEIR_RETURN_IF_ERROR(replay_.each(scope.seqs, [&](const StreamReplay::Output& output) {
    const std::vector<RowPrint>& from = letters ? output.letters : output.rows;
    prints.insert(prints.end(), from.begin(), from.end());
    for (const Message& message : output.messages) events_.push_back(message.seq);
    return ok_status();
  }));
  std::ranges::sort(prints);
  return prints;
}

Result<std::vector<std::vector<uint64_t>>> StreamRows::column_hashes(int32_t, RowId id) {
  return replay_.column_hashes(id, false);
}

bool StreamRows::forgot(RowId id) const { return !std::ranges::binary_search(events_, id.seq); }

}  // namespace weir::audit
