#include "audit/lake_rows.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <algorithm>

namespace weir::audit {
namespace {

template <typename Array>
const Array& column(const arrow::RecordBatch& batch, int index) {
  // Batches were cast to the schema that the caller names next to this.
  return static_cast<const Array&>(*batch.column(index));
}

std::string time_literal(int64_t time_us) {
  return "arrow_cast(" + std::to_string(time_us) + ", 'Timestamp(Microsecond, Some(\"UTC\"))')";
}

constexpr std::string_view kSystemColumns[] = {kShardColumn, kSeqColumn, kRowColumn, kTimeColumn, kSubjectColumn};

}  // namespace

std::vector<std::string> hashed_columns_sql(const Plan& plan, const std::vector<std::string>& known) {
  std::vector<std::string> columns;
  for (const RowColumn& row : plan.rows) {
    if (!known.empty() && std::ranges::find(known, row.name) == known.end()) {
      columns.emplace_back("NULL");
    } else {
      const std::string name = quoted_name(row.name);
      columns.push_back(row.type.kind == TypeKind::kUuid ? "lower(" + name + ")" : name);
    }
  }
  for (const std::string_view name : kSystemColumns) columns.push_back(quoted_name(name));
  return columns;
}

std::vector<std::string> hashed_column_names(const Plan& plan) {
  std::vector<std::string> names;
  for (const RowColumn& row : plan.rows) names.push_back(row.name);
  for (const std::string_view name : kSystemColumns) names.emplace_back(name);
  return names;
}

std::string row_hash_call(const std::vector<std::string>& columns_sql) {
  std::string arguments;
  for (const std::string& argument : columns_sql) arguments += (arguments.empty() ? "" : ", ") + argument;
  return "weir_row_hash(" + arguments + ")";
}

std::string LakeRows::from_where(const RowScope& scope) const {
  std::string sql = " FROM " + quoted_name(query_.table_name()) + " WHERE \"_shard\" = " + std::to_string(scope.shard) +
                    " AND \"_seq\" >= " + to_string(scope.seqs.first) + " AND \"_seq\" <= " + to_string(scope.seqs.last);
  if (scope.time_from_us) sql += " AND \"_time\" >= " + time_literal(*scope.time_from_us);
  if (scope.time_before_us) sql += " AND \"_time\" < " + time_literal(*scope.time_before_us);
  if (!row_filter_.empty()) sql += " AND (" + row_filter_ + ")";
  return sql;
}

Result<std::vector<RowDigest>> LakeRows::digests(const RowScope& scope, int64_t width) {
  std::vector<RowDigest> digests(static_cast<size_t>(bucket_count(scope.seqs, width)));
  const std::string sql = "SELECT (\"_seq\" - " + to_string(scope.seqs.first) + ") / " + std::to_string(width) +
                          " AS bucket, count(*) AS n, sum(h >> arrow_cast(32, 'UInt64')) AS high, "
                          "sum(h & arrow_cast(4294967295, 'UInt64')) AS low, min(\"_seq\") AS first, max(\"_seq\") AS last "
                          "FROM (SELECT \"_seq\", " +
                          row_hash_call(columns_sql_) + " AS h" + from_where(scope) + ") AS hashed GROUP BY bucket";
  const auto schema = arrow::schema({arrow::field("bucket", arrow::int64()), arrow::field("n", arrow::int64()),
                                     arrow::field("high", arrow::uint64()), arrow::field("low", arrow::uint64()),
                                     arrow::field("first", arrow::int64()), arrow::field("last", arrow::int64())});
  WEIR_RETURN_IF_ERROR(query_.each_batch(sql, schema, [&](const arrow::RecordBatch& batch) -> Status {
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      const int64_t bucket = column<arrow::Int64Array>(batch, 0).Value(i);
      if (bucket < 0 || bucket >= static_cast<int64_t>(digests.size())) {
        return internal_error("the engine counts rows outside the range that was asked for");
      }
      digests[static_cast<size_t>(bucket)] = {.rows = column<arrow::Int64Array>(batch, 1).Value(i),
                                              .high = column<arrow::UInt64Array>(batch, 2).Value(i),
                                              .low = column<arrow::UInt64Array>(batch, 3).Value(i),
                                              .first = Seq{column<arrow::Int64Array>(batch, 4).Value(i)},
                                              .last = Seq{column<arrow::Int64Array>(batch, 5).Value(i)}};
    }
    return ok_status();
  }));
  return digests;
}

Result<std::vector<RowPrint>> LakeRows::prints(const RowScope& scope) {
  std::vector<RowPrint> prints;
  const auto schema = arrow::schema(
      {arrow::field("_seq", arrow::int64()), arrow::field("_row", arrow::int32()), arrow::field("h", arrow::uint64())});
  const std::string sql =
      "SELECT \"_seq\", \"_row\", " + row_hash_call(columns_sql_) + " AS h" + from_where(scope);
  WEIR_RETURN_IF_ERROR(query_.each_batch(sql, schema, [&](const arrow::RecordBatch& batch) {
    for (int64_t i = 0; i < batch.num_rows(); ++i) {
      prints.push_back({.id = {Seq{column<arrow::Int64Array>(batch, 0).Value(i)}, column<arrow::Int32Array>(batch, 1).Value(i)},
                        .hash = column<arrow::UInt64Array>(batch, 2).Value(i)});
    }
    return ok_status();
  }));
  std::ranges::sort(prints);
  return prints;
}

Result<std::vector<std::vector<uint64_t>>> LakeRows::column_hashes(int32_t shard, RowId id) {
  std::vector<std::vector<uint64_t>> hashes(columns_sql_.size());
  std::string sql = "SELECT ";
  arrow::FieldVector fields;
  for (size_t i = 0; i < columns_sql_.size(); ++i) {
    const std::string name = "c" + std::to_string(i);
    sql += (i == 0 ? "" : ", ") + row_hash_call({columns_sql_[i]}) + " AS " + name;
    fields.push_back(arrow::field(name, arrow::uint64()));
  }
  sql += from_where({.shard = shard, .seqs = {id.seq, id.seq}}) + " AND \"_row\" = " + std::to_string(id.row);
  WEIR_RETURN_IF_ERROR(query_.each_batch(sql, arrow::schema(fields), [&](const arrow::RecordBatch& batch) {
    for (size_t c = 0; c < hashes.size(); ++c) {
      const auto& values = column<arrow::UInt64Array>(batch, static_cast<int>(c));
      for (int64_t i = 0; i < values.length(); ++i) hashes[c].push_back(values.Value(i));
    }
    return ok_status();
  }));
  for (auto& of_column : hashes) {
    std::ranges::sort(of_column);
    of_column.erase(std::ranges::unique(of_column).begin(), of_column.end());
  }
  return hashes;
}

}  // namespace weir::audit
