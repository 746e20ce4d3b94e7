#include "audit/hot_rows.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <functional>

#include "clickhouse/ddl.h"
#include "clickhouse/row_hash_sql.h"

namespace weir::audit {
namespace {

using clickhouse::Statement;

template <typename Number>
bool parse(const std::string& text, Number* value) {
  return std::from_chars(text.data(), text.data() + text.size(), *value).ec == std::errc();
}

// count(), min(_seq), max(_seq), from column `first` on.
bool parse_count(const clickhouse::TextRow& row, size_t first, RowDigest* digest) {
  return parse(row[first], &digest->rows) && parse(row[first + 1], &digest->first.value) &&
         parse(row[first + 2], &digest->last.value);
}

Status no_answer() { return unavailable("the answer is not the one asked for"); }

// Rows of fixed size in FORMAT RowBinary, cut anywhere by the transport.
template <size_t kBytes, typename Take>
class FixedRows {
 public:
  explicit FixedRows(Take take) : take_(std::move(take)) {}

  Status add(std::string_view bytes) {
    pending_.append(bytes);
    size_t offset = 0;
    for (; pending_.size() - offset >= kBytes; offset += kBytes) take_(pending_.data() + offset);
    pending_.erase(0, offset);
    return ok_status();
  }
  [[nodiscard]] Status finish() const { return pending_.empty() ? ok_status() : no_answer(); }

 private:
  Take take_;
  std::string pending_;
};

template <typename T>
T read_at(const char* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace

Result<HotRows> HotRows::open(clickhouse::Client& client, const Plan& plan, const clickhouse::TableState& state) {
  WEIR_ASSIGN_OR_RETURN(auto columns, clickhouse::table_columns(plan));
  for (clickhouse::BlockColumn& column : columns) {
    const auto there = std::ranges::find(state.columns, column.name, &clickhouse::ExistingColumn::name);
    if (there == state.columns.end()) {
      column.name.clear();
      continue;
    }
    auto type = clickhouse::parse_native_type(there->type);
    if (!type.ok()) return type.status().with_context("column " + column.name);
    column.type = std::move(type).value();
  }
  return HotRows(client, clickhouse::qualified(client.options().database, plan.table), std::move(columns));
}

Statement HotRows::in_scope(const std::string& select, const RowScope& scope, const std::string& after) const {
  Statement statement{
      .sql = select + " FROM " + name_ +
             " WHERE `_shard` = {shard:Int32} AND `_seq` BETWEEN {first:Int64} AND {last:Int64}",
      .parameters = {{"shard", std::to_string(scope.shard)},
                     {"first", to_string(scope.seqs.first)},
                     {"last", to_string(scope.seqs.last)}},
      .settings = {{"max_query_size", "10000000"}}};
  if (scope.time_from_us) {
    statement.sql += " AND `_time` >= fromUnixTimestamp64Micro({from:Int64}, 'UTC')";
    statement.parameters.emplace_back("from", std::to_string(*scope.time_from_us));
  }
  if (scope.time_before_us) {
    statement.sql += " AND `_time` < fromUnixTimestamp64Micro({before:Int64}, 'UTC')";
    statement.parameters.emplace_back("before", std::to_string(*scope.time_before_us));
  }
  statement.sql += after;
  return statement;
}

Result<std::vector<RowDigest>> HotRows::digests(const RowScope& scope, int64_t width) {
  const std::string hashed = "SELECT `_seq`, " + clickhouse::row_hash_sql(columns_) + " AS h";
  Statement statement = in_scope(
      "SELECT intDiv(`_seq` - {first:Int64}, {width:Int64}) AS bucket, count(), sum(bitShiftRight(h, 32)), "
      "sum(bitAnd(h, 4294967295)), min(`_seq`), max(`_seq`) FROM (" + hashed, scope, ") GROUP BY bucket");
  statement.parameters.emplace_back("width", std::to_string(width));
  WEIR_ASSIGN_OR_RETURN(const auto rows, client_->query_rows(statement));
  std::vector<RowDigest> digests(static_cast<size_t>(bucket_count(scope.seqs, width)));
  for (const clickhouse::TextRow& row : rows) {
    size_t bucket = 0;
    RowDigest digest;
    if (row.size() != 6 || !parse(row[0], &bucket) || bucket >= digests.size() || !parse(row[1], &digest.rows) ||
        !parse(row[2], &digest.high) || !parse(row[3], &digest.low) || !parse(row[4], &digest.first.value) ||
        !parse(row[5], &digest.last.value)) {
      return no_answer();
    }
    digests[bucket] = digest;
  }
  return digests;
}

Result<std::vector<RowPrint>> HotRows::prints(const RowScope& scope) {
  std::vector<RowPrint> prints;
  FixedRows<20, std::function<void(const char*)>> rows([&](const char* row) {
    prints.push_back({.id = {Seq{read_at<int64_t>(row)}, read_at<int32_t>(row + 8)}, .hash = read_at<uint64_t>(row + 12)});
  });
  const Statement statement =
      in_scope("SELECT `_seq`, `_row`, " + clickhouse::row_hash_sql(columns_), scope, " FORMAT RowBinary");
  WEIR_RETURN_IF_ERROR(client_->query_stream(statement, [&](std::string_view bytes) { return rows.add(bytes); }));
  WEIR_RETURN_IF_ERROR(rows.finish());
  std::ranges::sort(prints);
  return prints;
}

Result<std::vector<std::vector<uint64_t>>> HotRows::column_hashes(int32_t shard, RowId id) {
  std::string select = "SELECT ";
  for (size_t i = 0; i < columns_.size(); ++i) {
    select += (i == 0 ? "" : ", ") + clickhouse::row_hash_sql({columns_[i]});
  }
  Statement statement = in_scope(select, {.shard = shard, .seqs = {id.seq, id.seq}}, " AND `_row` = {row:Int32}");
  statement.parameters.emplace_back("row", std::to_string(id.row));
  WEIR_ASSIGN_OR_RETURN(const auto rows, client_->query_rows(statement));
  std::vector<std::vector<uint64_t>> hashes(columns_.size());
  for (const clickhouse::TextRow& row : rows) {
    if (row.size() != hashes.size()) return no_answer();
    for (size_t i = 0; i < hashes.size(); ++i) {
      if (!parse(row[i], &hashes[i].emplace_back())) return no_answer();
    }
  }
  for (auto& of_column : hashes) {
    std::ranges::sort(of_column);
    of_column.erase(std::ranges::unique(of_column).begin(), of_column.end());
  }
  return hashes;
}

Result<std::map<int32_t, RowDigest>> HotRows::shards() {
  WEIR_ASSIGN_OR_RETURN(
      const auto rows,
      client_->query_rows({.sql = "SELECT `_shard`, count(), min(`_seq`), max(`_seq`) FROM " + name_ + " GROUP BY `_shard`"}));
  std::map<int32_t, RowDigest> shards;
  for (const clickhouse::TextRow& row : rows) {
    int32_t shard = 0;
    if (row.size() != 4 || !parse(row[0], &shard) || !parse_count(row, 1, &shards[shard])) return no_answer();
  }
  return shards;
}

Result<RowDigest> HotRows::count(const RowScope& scope) {
  WEIR_ASSIGN_OR_RETURN(const auto rows, client_->query_rows(in_scope("SELECT count(), min(`_seq`), max(`_seq`)", scope, "")));
  RowDigest digest;
  if (rows.size() != 1 || rows[0].size() != 3 || !parse_count(rows[0], 0, &digest)) return no_answer();
  return digest;
}

}  // namespace weir::audit
