#include "clickhouse/hot_table.h"

#include <arrow/buffer.h>
#include <arrow/record_batch.h>

#include <charconv>
#include <cstring>

#include "clickhouse/ddl.h"
#include "clickhouse/partition_split.h"
#include "clickhouse/sql_text.h"
#include "clickhouse/table_evolution.h"
#include "clickhouse/table_setup.h"
#include "schema/reader_view.h"

namespace weir::clickhouse {
namespace {

// How long raise_fence() lets older INSERTs die. A killed one that waits for the rest of its body ends only when the
// server gives its silent sender up, after 30 s (http_receive_timeout of the server's default profile), so this is
// more.
constexpr std::chrono::milliseconds kOlderInsertsWaitMax{45'000};
constexpr std::chrono::milliseconds kTableIdTimeout{10'000};  // A look at a server that hangs must not hold up stopping.

// The structure gives the block's columns their names for the SELECT; the fence's condition is evaluated on the server,
// in the statement that writes.
std::string insert_sql(const std::string& name, const std::vector<BlockColumn>& columns, const std::string& condition) {
  const std::string names = name_list(columns);
  return "INSERT INTO " + name + " (" + names + ") SELECT " + names + " FROM input(" +
         quote_string(column_list(columns)) + ") WHERE " + condition + " FORMAT Native";
}

Statement in_range(std::string sql_before_where, int32_t shard, SeqRange range, std::string_view sql_after) {
  std::string sql =
      std::move(sql_before_where) + " WHERE `_shard` = {shard:Int32} AND `_seq` BETWEEN {first:Int64} AND {last:Int64}";
  return {.sql = sql + std::string(sql_after),
          .parameters = {
              {"shard", std::to_string(shard)}, {"first", to_string(range.first)}, {"last", to_string(range.last)}}};
}

bool parse_int64(std::string_view text, int64_t* value) {
  return std::from_chars(text.data(), text.data() + text.size(), *value).ec == std::errc();
}

// Rows of (Int64, Int32) in FORMAT RowBinary: 12 bytes each, cut anywhere by the transport.
class RowIdReader {
 public:
  explicit RowIdReader(int64_t ids_max) : ids_max_(ids_max) {}

  Status take(std::string_view bytes) {
    if (!partial_.empty()) {
      const size_t missing = std::min(kRowBytes - partial_.size(), bytes.size());
      partial_.append(bytes.substr(0, missing));
      bytes.remove_prefix(missing);
      if (partial_.size() < kRowBytes) return ok_status();
      append(partial_.data());
      partial_.clear();
    }
    for (; bytes.size() >= kRowBytes; bytes.remove_prefix(kRowBytes)) append(bytes.data());
    partial_.assign(bytes);
    if (static_cast<int64_t>(ids_.size()) <= ids_max_) return ok_status();
    return resource_exhausted("more than " + std::to_string(ids_max_) + " rows in the range; read it in parts");
  }

  Result<std::vector<RowId>> finish() {
    if (!partial_.empty()) return unavailable("ClickHouse's answer ends inside a row");
    return std::move(ids_);
  }

 private:
  static constexpr size_t kRowBytes = sizeof(int64_t) + sizeof(int32_t);

  void append(const char* row) {
    RowId& id = ids_.emplace_back();
    std::memcpy(&id.seq.value, row, sizeof(int64_t));
    std::memcpy(&id.row, row + sizeof(int64_t), sizeof(int32_t));
  }

  const int64_t ids_max_;
  std::vector<RowId> ids_;
  std::string partial_;
};

}  // namespace

ClickHouseHotTable::ClickHouseHotTable(Client& client, const Clock& clock, Plan plan, TableOptions options,
                                       std::vector<BlockColumn> columns)
    : client_(client),
      plan_(std::move(plan)),
      options_(std::move(options)),
      name_(qualified(client.options().database, plan_.table)),
      columns_(std::move(columns)),
      fence_(client, clock, plan_.table, kOlderInsertsWaitMax),
      insert_sql_(insert_sql(name_, columns_, fence_.condition())) {}

Result<std::unique_ptr<ClickHouseHotTable>> ClickHouseHotTable::open(Client& client, const Clock& clock, Plan plan,
                                                                     TableOptions options) {
  WEIR_RETURN_IF_ERROR(check_name("table", plan.table));
  WEIR_ASSIGN_OR_RETURN(auto columns, table_columns(plan));
  return std::unique_ptr<ClickHouseHotTable>(
      new ClickHouseHotTable(client, clock, std::move(plan), std::move(options), std::move(columns)));
}

Result<bool> ClickHouseHotTable::ensure() { return ensure_table(client_, plan_, options_); }

Result<std::string> ClickHouseHotTable::table_id() {
  WEIR_ASSIGN_OR_RETURN(
      const auto rows,
      client_.query_rows({.sql = "SELECT if(uuid = toUUID('00000000-0000-0000-0000-000000000000'), '', toString(uuid)) "
                                 "FROM system.tables WHERE database = {database:String} AND name = {table:String}",
                          .parameters = {{"database", client_.options().database}, {"table", plan_.table}},
                          .timeout = kTableIdTimeout}));
  if (rows.empty()) return not_found("table " + name_);
  if (rows[0].size() != 1) return unavailable(name_ + ": no answer to uuid");
  return rows[0][0];
}
Status ClickHouseHotTable::evolve() { return evolve_table(client_, plan_, options_); }

Result<std::vector<std::shared_ptr<arrow::RecordBatch>>> ClickHouseHotTable::split_by_partition(
    const std::shared_ptr<arrow::RecordBatch>& rows) {
  return split_by_columns(rows, plan_.partition_by);
}

Status ClickHouseHotTable::insert(const HotInsert& insert) {
  WEIR_ASSIGN_OR_RETURN(const auto block, encode_native_block(*insert.rows, columns_));
  const InsertStatement statement{
      .statement = {.sql = insert_sql_,
                    .parameters = {{"fence_key", fence_.key(insert.writer)},
                                   {"epoch", std::to_string(insert.epoch.value)}}},
      // By this id raise_fence() finds what still runs, whatever the token looks like.
      .query_id = fence_.query_id(insert.writer, insert.token),
      .token = insert.token,
      .body = std::string_view(reinterpret_cast<const char*>(block->data()), static_cast<size_t>(block->size())),
      .rows = insert.rows->num_rows(),
      .live = insert.writer.path == HotWriter::Path::kLive};
  const Status status = client_.insert(statement);
  return status.with_context("INSERT into " + name_);
}

Result<int64_t> ClickHouseHotTable::count_rows(int32_t shard, SeqRange range) {
  if (range.empty()) return int64_t{0};
  WEIR_ASSIGN_OR_RETURN(const auto rows, client_.query_rows(in_range("SELECT count() FROM " + name_, shard, range, "")));
  int64_t count = 0;
  if (rows.size() != 1 || rows[0].size() != 1 || !parse_int64(rows[0][0], &count)) {
    return unavailable(name_ + ": no answer to count()");
  }
  return count;
}

Result<std::vector<RowId>> ClickHouseHotTable::read_ids(int32_t shard, SeqRange range) {
  if (range.empty()) return std::vector<RowId>();
  const Statement statement =
      in_range("SELECT `_seq`, `_row` FROM " + name_, shard, range, " ORDER BY `_seq`, `_row` FORMAT RowBinary");
  RowIdReader reader(client_.options().read_ids_max);
  const Status status = client_.query_stream(statement, [&](std::string_view bytes) { return reader.take(bytes); });
  WEIR_RETURN_IF_ERROR(status.with_context("reading identities of " + name_));
  return reader.finish();
}

Result<SeqRange> ClickHouseHotTable::seq_bounds(int32_t shard) {
  WEIR_ASSIGN_OR_RETURN(const auto rows,
                        client_.query_rows({.sql = "SELECT min(`_seq`), max(`_seq`) FROM " + name_ +
                                                   " WHERE `_shard` = {shard:Int32} HAVING count() > 0",
                                            .parameters = {{"shard", std::to_string(shard)}}}));
  if (rows.empty()) return SeqRange{};
  SeqRange bounds;
  if (rows[0].size() != 2 || !parse_int64(rows[0][0], &bounds.first.value) ||
      !parse_int64(rows[0][1], &bounds.last.value)) {
    return unavailable(name_ + ": no answer to min(_seq), max(_seq)");
  }
  return bounds;
}

Result<int64_t> ClickHouseHotTable::time_us_at(int32_t shard, Seq seq) {
  const Statement statement =
      in_range("SELECT toUnixTimestamp64Micro(`_time`) FROM " + name_, shard, {seq, seq}, " LIMIT 1");
  WEIR_ASSIGN_OR_RETURN(const auto rows, client_.query_rows(statement));
  if (rows.empty()) return not_found(name_ + " has no row of " + to_string(seq));
  int64_t time_us = 0;
  if (rows[0].size() != 1 || !parse_int64(rows[0][0], &time_us)) return unavailable(name_ + ": no answer to _time");
  return time_us;
}

Result<Epoch> ClickHouseHotTable::fence(const HotWriter& writer) { return fence_.epoch(writer); }

Status ClickHouseHotTable::raise_fence(const HotWriter& writer, Epoch epoch) {
  return fence_.raise(writer, epoch).with_context(name_);
}

Status ClickHouseHotTable::withdraw_views(Seq hot_start) {
  return drop_reader_views(client_, plan_.table, hot_start);
}

Status ClickHouseHotTable::offer_view(Seq hot_start) {
  if (options_.reader_columns.empty()) return ok_status();
  WEIR_RETURN_IF_ERROR(client_.execute({.sql = create_database_sql(reader_database(client_.options().database))}));
  return client_.execute({.sql = create_reader_view_sql(client_.options().database, plan_.table, hot_start, options_.reader_columns)})
      .with_context("making the view of " + name_ + " for readers");
}

Status ClickHouseHotTable::erase(int32_t shard, SeqRange range) {
  if (range.empty()) return ok_status();
  // One mutation, waited for by mutations_sync; only parts that hold such rows are rewritten.
  return client_.execute(in_range("ALTER TABLE " + name_ + " DELETE", shard, range, ""))
      .with_context("erasing from " + name_);
}

}  // namespace weir::clickhouse
