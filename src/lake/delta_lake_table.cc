#include "lake/delta_lake_table.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>
#include <optional>

#include "base/crash_point.h"
#include "batch/arrow_memory.h"
#include "engine/query.h"
#include "lake/delta_schema.h"
#include "lake/lake_layout.h"
#include "lake/row_cast.h"
#include "schema/table_schema.h"

namespace weir::lake {
namespace {

class DeltaLakeSnapshot final : public LakeSnapshot {
 public:
  explicit DeltaLakeSnapshot(std::shared_ptr<const engine::Snapshot> snapshot) : snapshot_(std::move(snapshot)) {}

  int64_t version() const override { return snapshot_->version(); }
  Result<std::optional<int64_t>> txn(std::string_view app_id) const override { return snapshot_->txn(app_id); }

  [[nodiscard]] const std::shared_ptr<const engine::Snapshot>& engine() const { return snapshot_; }

 private:
  const std::shared_ptr<const engine::Snapshot> snapshot_;
};

class DeltaLakeFiles final : public LakeFiles {
 public:
  explicit DeltaLakeFiles(std::unique_ptr<engine::WrittenFiles> files) : files_(std::move(files)) {}

  int64_t rows() const override { return files_->rows(); }
  int64_t bytes() const override { return files_->bytes(); }
  Result<std::string> describe() const override { return files_->describe(); }

  [[nodiscard]] const engine::WrittenFiles* engine() const { return files_.get(); }

 private:
  const std::unique_ptr<engine::WrittenFiles> files_;
};

// Rows of a query, cast to the table's Arrow types.
class CastingReader final : public arrow::RecordBatchReader {
 public:
  CastingReader(std::shared_ptr<arrow::Schema> schema, std::shared_ptr<arrow::RecordBatchReader> rows)
      : schema_(std::move(schema)), rows_(std::move(rows)) {}

  std::shared_ptr<arrow::Schema> schema() const override { return schema_; }

  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    std::shared_ptr<arrow::RecordBatch> read;
    ARROW_RETURN_NOT_OK(rows_->ReadNext(&read));
    *batch = nullptr;
    if (read == nullptr) return arrow::Status::OK();
    auto cast = cast_rows(*read, schema_);
    if (!cast.ok()) return arrow::Status::Invalid(cast.status().to_string());
    *batch = std::move(cast).value();
    return arrow::Status::OK();
  }

 private:
  const std::shared_ptr<arrow::Schema> schema_;
  const std::shared_ptr<arrow::RecordBatchReader> rows_;
};

std::shared_ptr<const LakeSnapshot> as_lake_snapshot(std::unique_ptr<engine::Snapshot> snapshot) {
  return std::make_shared<DeltaLakeSnapshot>(std::move(snapshot));
}

constexpr const char* kQueryName = "lake_rows";

std::string quoted(std::string_view name) { return "\"" + std::string(name) + "\""; }

std::string where(int32_t shard, SeqRange range, const std::string& row_filter) {
  const std::string seq = quoted(kSeqColumn);
  std::string text = " FROM " + std::string(kQueryName) + " WHERE " + quoted(kShardColumn) + " = " +
                     std::to_string(shard) + " AND " + seq + " >= " + to_string(range.first) + " AND " + seq +
                     " <= " + to_string(range.last);
  if (!row_filter.empty()) text += " AND " + row_filter;
  return text;
}

std::string rows_sql(const TableDefinition& table, int32_t shard, SeqRange range) {
  std::string columns;
  for (const auto& field : table.schema->fields()) columns += (columns.empty() ? "" : ", ") + quoted(field->name());
  return "SELECT " + columns + where(shard, range, table.row_filter) + " ORDER BY " + quoted(kSeqColumn) + ", " +
         quoted(kRowColumn);
}

std::string first_seq_sql(const TableDefinition& table, int32_t shard, SeqRange range) {
  return "SELECT min(" + quoted(kSeqColumn) + ")" + where(shard, range, table.row_filter);
}

// The one value of a query that has one BIGINT; empty when it is NULL.
Result<std::optional<Seq>> single_seq(arrow::RecordBatchReader& reader) {
  std::shared_ptr<arrow::RecordBatch> batch;
  do {
    if (const auto status = reader.ReadNext(&batch); !status.ok()) return unavailable(status.ToString());
  } while (batch != nullptr && batch->num_rows() == 0);
  if (batch == nullptr || batch->column(0)->IsNull(0)) return std::optional<Seq>();
  const auto column = batch->column(0);
  if (column->type_id() != arrow::Type::INT64) return internal_error("min(_seq) is " + column->type()->ToString());
  return std::optional(Seq{static_cast<const arrow::Int64Array&>(*column).Value(0)});
}

// Maintenance and other shards may make the commit of a new schema lose a few times in a row.
constexpr int kGrowAttemptsMax = 20;

// The columns of the table in their order, as `wanted` has them where it does, then those that only `wanted` has.
Result<std::shared_ptr<arrow::Schema>> grown_schema(const engine::Engine& engine, const engine::Snapshot& table,
                                                    const arrow::Schema& wanted) {
  WEIR_ASSIGN_OR_RETURN(const auto reader,
                        engine::query(engine, {{kQueryName, &table}}, "SELECT * FROM " + std::string(kQueryName) + " LIMIT 0"));
  WEIR_ASSIGN_OR_RETURN(const auto there, table.describe(/*with_files=*/false));
  WEIR_ASSIGN_OR_RETURN(const auto columns, parse_delta_schema(there.schema_json));
  arrow::FieldVector fields;
  for (const DeltaColumn& column : columns) {
    if (const auto ours = wanted.GetFieldByName(column.name); ours != nullptr) {
      fields.push_back(ours->WithNullable(ours->nullable() || column.nullable));
      continue;
    }
    // Query results come in layouts of their own; the type map knows the plain one.
    const auto stored = reader->schema()->GetFieldByName(column.name);
    if (stored == nullptr) return internal_error("no column " + column.name + " in a query of the whole table");
    WEIR_ASSIGN_OR_RETURN(const ColumnType type, column_type_of(*stored->type()));
    fields.push_back(arrow::field(column.name, arrow_type(type), column.nullable));
  }
  for (const auto& field : wanted.fields()) {
    if (std::ranges::find(columns, field->name(), &DeltaColumn::name) == columns.end()) fields.push_back(field);
  }
  return arrow::schema(std::move(fields));
}

}  // namespace

Result<std::unique_ptr<DeltaLakeTable>> DeltaLakeTable::open(const engine::Engine& engine, const LakeOptions& options,
                                                             TableDefinition definition) {
  const std::string url = table_url(options.url, definition.name);
  WEIR_ASSIGN_OR_RETURN(auto delta, engine::DeltaTable::open(engine, url, {.sync = options.sync}));
  std::unique_ptr<DeltaLakeTable> table(new DeltaLakeTable(engine, options, std::move(definition), std::move(delta)));
  WEIR_RETURN_IF_ERROR(table->check());
  return table;
}

Result<std::unique_ptr<DeltaLakeTable>> DeltaLakeTable::open_or_create(const engine::Engine& engine,
                                                                       const LakeOptions& options,
                                                                       TableDefinition definition) {
  auto opened = open(engine, options, definition);
  if (opened.ok() || opened.status().code() != StatusCode::kNotFound) return opened;
  const auto created = engine::DeltaTable::create(engine, table_url(options.url, definition.name),
                                                  {.sync = options.sync}, *definition.schema,
                                                  {.partition_columns = definition.partition_by,
                                                   .properties = definition.properties,
                                                   .txns = definition.initial_txns,
                                                   .description = {}});
  // Created, created by another process in this moment, or unknown: what counts is what is there now, and that it is
  // ours.
  const StatusCode code = created.status().code();
  if (!created.ok() && code != StatusCode::kAlreadyExists && code != StatusCode::kOutcomeUnknown) {
    return created.status();
  }
  return open(engine, options, std::move(definition));
}

Status DeltaLakeTable::check() {
  WEIR_ASSIGN_OR_RETURN(const auto snapshot, table_->snapshot());
  WEIR_ASSIGN_OR_RETURN(const auto there, snapshot->describe(/*with_files=*/false));
  WEIR_RETURN_IF_ERROR(check_definition(definition_, there));
  WEIR_ASSIGN_OR_RETURN(auto foreign, foreign_columns(definition_, there));
  std::lock_guard lock(mutex_);
  foreign_columns_ = std::move(foreign);
  return {};
}

std::vector<std::string> DeltaLakeTable::foreign_columns_seen() const {
  std::lock_guard lock(mutex_);
  return foreign_columns_;
}

Result<std::shared_ptr<const LakeSnapshot>> DeltaLakeTable::snapshot() {
  WEIR_ASSIGN_OR_RETURN(auto newest, table_->snapshot());
  return as_lake_snapshot(std::move(newest));
}

Result<std::shared_ptr<const LakeSnapshot>> DeltaLakeTable::snapshot_at(int64_t version) {
  WEIR_ASSIGN_OR_RETURN(auto at, table_->snapshot(version));
  return as_lake_snapshot(std::move(at));
}

Result<std::unique_ptr<LakeFiles>> DeltaLakeTable::write_files(
    const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) {
  for (const auto& batch : rows) {
    if (batch->schema()->Equals(*definition_.schema, /*check_metadata=*/false)) continue;
    return internal_error("rows for the lake's table " + definition_.name + " have another schema:\n" +
                          batch->schema()->ToString() + "\nexpected:\n" + definition_.schema->ToString());
  }
  const std::vector<std::string> foreign = foreign_columns_seen();
  auto files = write_with(foreign, rows);
  if (files.status().code() == StatusCode::kInvalidArgument) {
    // Another process may have given the table a column since we looked.
    WEIR_RETURN_IF_ERROR(check());
    if (foreign_columns_seen() != foreign) files = write_with(foreign_columns_seen(), rows);
  }
  WEIR_RETURN_IF_ERROR(files.status());
  if (definition_.crash_points) crash_point("parquet_written");
  return std::unique_ptr<LakeFiles>(new DeltaLakeFiles(std::move(*files)));
}

Result<std::unique_ptr<LakeFiles>> DeltaLakeTable::adopt_files(const std::vector<std::string>& descriptions) {
  WEIR_ASSIGN_OR_RETURN(auto files, table_->adopt(descriptions));
  return std::unique_ptr<LakeFiles>(new DeltaLakeFiles(std::move(files)));
}

// The engine wants every column of the table and takes Arrow's null type for any.
Result<std::unique_ptr<engine::WrittenFiles>> DeltaLakeTable::write_with(
    const std::vector<std::string>& foreign, const std::vector<std::shared_ptr<arrow::RecordBatch>>& rows) {
  const engine::WriteOptions options{.target_file_bytes = options_.target_file_bytes, .name_prefix = {}};
  if (foreign.empty()) return table_->write(definition_.schema, rows, options);
  arrow::FieldVector fields = definition_.schema->fields();
  for (const std::string& name : foreign) fields.push_back(arrow::field(name, arrow::null()));
  const auto schema = arrow::schema(std::move(fields));
  std::vector<std::shared_ptr<arrow::RecordBatch>> wider;
  for (const auto& batch : rows) {
    arrow::ArrayVector columns = batch->columns();
    for (size_t i = 0; i < foreign.size(); ++i) {
      columns.push_back(std::make_shared<arrow::NullArray>(batch->num_rows()));
    }
    wider.push_back(arrow::RecordBatch::Make(schema, batch->num_rows(), std::move(columns)));
  }
  return table_->write(schema, std::move(wider), options);
}

Result<std::shared_ptr<const LakeSnapshot>> DeltaLakeTable::commit(const LakeSnapshot& base, const LakeFiles* files,
                                                                   const std::vector<LakeTxn>& txns,
                                                                   std::string_view info_json) {
  const auto* ours = dynamic_cast<const DeltaLakeSnapshot*>(&base);
  const auto* written = dynamic_cast<const DeltaLakeFiles*>(files);
  if (ours == nullptr || (files != nullptr && written == nullptr)) {
    return internal_error("commit to " + definition_.name + " with a snapshot or files of another kind of table");
  }
  std::vector<engine::Txn> engine_txns;
  engine_txns.reserve(txns.size());
  for (const LakeTxn& txn : txns) engine_txns.push_back({txn.app_id, txn.version});
  WEIR_ASSIGN_OR_RETURN(auto snapshot, table_->commit(*ours->engine(), written == nullptr ? nullptr : written->engine(),
                                                      engine_txns, info_json));
  // The engine writes the log entry and syncs it in one call, so both points stand where that can be seen from outside:
  // the entry is there, and nobody but the disk knows of it yet.
  if (definition_.crash_points) {
    crash_point("log_entry_written");
    crash_point("log_entry_synced");
  }
  return as_lake_snapshot(std::move(snapshot));
}

Result<std::shared_ptr<arrow::RecordBatchReader>> DeltaLakeTable::read(const LakeSnapshot& snapshot, int32_t shard,
                                                                       SeqRange range) {
  const auto* ours = dynamic_cast<const DeltaLakeSnapshot*>(&snapshot);
  if (ours == nullptr) return internal_error("read of " + definition_.name + " at a snapshot of another kind of table");
  // The reader may outlive this table: it takes what it needs with it.
  const auto run = [&engine = engine_, version = ours->engine()](const std::string& sql) {
    return engine::query(engine, {{kQueryName, version.get()}}, sql);
  };
  WindowQueries queries;
  queries.rows = [run, shard,
                  table = definition_](SeqRange window) -> Result<std::shared_ptr<arrow::RecordBatchReader>> {
    WEIR_ASSIGN_OR_RETURN(auto rows, run(rows_sql(table, shard, window)));
    return std::shared_ptr<arrow::RecordBatchReader>(new CastingReader(table.schema, std::move(rows)));
  };
  queries.first_seq = [run, shard, table = definition_](SeqRange rest) -> Result<std::optional<Seq>> {
    WEIR_ASSIGN_OR_RETURN(const auto answer, run(first_seq_sql(table, shard, rest)));
    return single_seq(*answer);
  };
  return std::shared_ptr<arrow::RecordBatchReader>(
      new WindowedReader(definition_.schema, range, std::move(queries), options_.read_window));
}

Result<bool> DeltaLakeTable::grow(const std::vector<LakeTxn>& held) {
  Status last_error;
  for (int attempt = 0; attempt < kGrowAttemptsMax; ++attempt) {
    WEIR_ASSIGN_OR_RETURN(const std::shared_ptr<const engine::Snapshot> base, table_->snapshot());
    std::vector<engine::Txn> txns;
    for (const LakeTxn& txn : held) {
      WEIR_ASSIGN_OR_RETURN(const auto version, base->txn(txn.app_id));
      if (version != txn.version) return fenced(definition_.name + ": " + txn.app_id + " was moved by somebody else");
      txns.push_back({txn.app_id, txn.version});
    }
    WEIR_ASSIGN_OR_RETURN(const auto there, base->describe(/*with_files=*/false));
    WEIR_ASSIGN_OR_RETURN(const SchemaGrowth growth, growth_of(definition_, there));
    if (growth.empty()) {
      WEIR_RETURN_IF_ERROR(check());
      return attempt > 0;
    }
    WEIR_ASSIGN_OR_RETURN(const auto schema, grown_schema(engine_, *base, *definition_.schema));
    const auto grown = table_->set_schema(*base, *schema, txns, R"({"weir":{"schema":"grown"}})");
    last_error = grown.status();
    // Whatever the answer was, the next snapshot says whether the table has the columns now.
    if (!grown.ok() && last_error.disposition() != Disposition::kReconcile) return last_error;
  }
  return last_error.ok() ? unavailable(definition_.name + ": the new schema did not become visible") : last_error;
}

Status DeltaLakeTable::checkpoint() { return table_->checkpoint().status(); }

const engine::Snapshot* engine_snapshot(const LakeSnapshot& snapshot) {
  const auto* ours = dynamic_cast<const DeltaLakeSnapshot*>(&snapshot);
  return ours == nullptr ? nullptr : ours->engine().get();
}

}  // namespace weir::lake
