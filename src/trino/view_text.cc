#include "trino/view_text.h"

#include <algorithm>

#include "base/digest.h"
#include "trino/column_view.h"
#include "trino/sql_text.h"

namespace weir::trino {
namespace {

constexpr std::string_view kUnion = " UNION ALL ";

std::string joined(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

std::string lake_branch(const Names& names, const std::string& table, const std::vector<ColumnView>& columns) {
  std::vector<std::string> items;
  for (const ColumnView& column : columns) items.push_back(quote_identifier(column.name));
  return "SELECT " + joined(items, ", ") + " FROM " + qualified(names.lake_catalog, kLakeSchema, table);
}

std::string hot_branch(const Names& names, const std::string& table, const std::vector<ColumnView>& columns,
                       int64_t hot_start, const std::string& w) {
  std::vector<std::string> items;
  std::string bounds;
  for (const ColumnView& column : columns) {
    const std::string name = quote_identifier(column.name);
    items.push_back(column.from_hot == name ? name : column.from_hot + " AS " + name);
    if (!column.hot_bound.empty()) bounds += " AND " + column.hot_bound;
  }
  return "SELECT " + joined(items, ", ") + " FROM " +
         qualified(names.clickhouse_catalog, names.view_database(), reader_view(std::string(table), Seq{hot_start})) +
         " WHERE \"_shard\" = 0 AND \"_seq\" > " + w + bounds;
}

// A branch without rows that is folded away while planning, or else fails every query on the view. Each column is a
// call of fail(): a constant would let the user's own predicate fold the branch away in front of the guard.
std::string guard_branch(const std::vector<ColumnView>& columns, const ViewContent& content) {
  std::vector<std::string> items;
  for (const ColumnView& column : columns) {
    items.push_back("CAST(fail('weir: this view cannot be read now: it is too old, or the time zone is not UTC') AS " +
                    column.type + ") AS " + quote_identifier(column.name));
  }
  std::string too_old = "false";
  if (content.valid_until_us) {
    too_old =
        "IF(current_timestamp < " + timestamp_literal(*content.valid_until_us) +
        ", false, CAST(fail('weir: this view is too old: ClickHouse may have dropped rows that the view takes from "
        "there; start weir run, or weir trino refresh') AS boolean))";
  }
  return "SELECT " + joined(items, ", ") + " FROM (VALUES 1) WHERE IF(current_timezone() IN ('UTC', 'Etc/UTC'), " +
         too_old +
         ", CAST(fail('weir: the time zone of this session is not UTC, so times from ClickHouse would be shifted; set "
         "it "
         "to UTC, or sql.forced-session-time-zone=UTC on the server') AS boolean))";
}

std::string bigint(const std::optional<int64_t>& number) {
  return "CAST(" + (number ? std::to_string(*number) : "NULL") + " AS bigint)";
}

std::string varchar(std::string_view text) { return "CAST(" + quote_string(text) + " AS varchar)"; }

std::string time_or_null(const std::optional<int64_t>& time_us) {
  return time_us ? timestamp_literal(*time_us) : "CAST(NULL AS timestamp(3) with time zone)";
}

std::string status_values(const StatusRow& row) {
  const bool hot = row.content.kind == ViewKind::kHotCold;
  std::optional<int64_t> lag;
  if (row.stream_last_seq) lag = std::max<int64_t>(0, *row.stream_last_seq - row.lake_position);
  const std::vector<std::string> values = {varchar(row.table),
                                           "0",
                                           varchar(!row.published ? "nothing yet"
                                                   : hot          ? "lake and ClickHouse"
                                                                  : "lake"),
                                           bigint(hot ? std::optional(row.content.w) : std::nullopt),
                                           bigint(row.lake_position),
                                           time_or_null(row.lake_time_us),
                                           bigint(row.hot_position),
                                           varchar(row.hot_mode),
                                           bigint(row.stream_last_seq),
                                           bigint(lag)};
  return "(" + joined(values, ", ") + ")";
}

}  // namespace

std::string table_view_query(const Names& names, const Plan& plan, const ViewContent& content) {
  const std::vector<ColumnView> columns = column_views(plan);
  const std::string lake = lake_branch(names, plan.table, columns);
  if (content.kind == ViewKind::kLakeAlone) return lake;
  // By version, not by a predicate on _seq: that would be asked of every row, and every query would read _seq for it.
  return joined({lake + " FOR VERSION AS OF " + std::to_string(content.lake_version),
                 hot_branch(names, plan.table, columns, content.hot_start, std::to_string(content.w)),
                 guard_branch(columns, content)},
                kUnion);
}

std::string dead_letter_view_query(const Names& names, const std::vector<CountedLetters>& tables) {
  std::vector<std::string> counted;
  for (const CountedLetters& table : tables) {
    std::string files = "\"_shard\" < 0";
    for (const UnfinishedFile& file : table.unfinished_files) {
      files += " AND NOT (\"_shard\" = " + std::to_string(file.shard) + " AND \"_seq\" > " +
               std::to_string(file.position) + ")";
    }
    counted.push_back("(\"table\" = " + quote_string(table.table) +
                      " AND ((\"_shard\" = 0 AND \"_seq\" <= " + std::to_string(table.lake_position) +
                      (table.replayed.empty() ? "" : " AND NOT (" + table.replayed + ")") + ") OR (" + files + ")))");
  }
  return "SELECT \"table\", \"_shard\", \"_seq\", \"_row\", \"_time\", \"_subject\", \"code\", \"pointer\", "
         "\"reason\", "
         "\"payload\", \"headers\" FROM " +
         qualified(names.lake_catalog, kLakeSchema, kDeadLetterView) + " WHERE " +
         (counted.empty() ? "false" : joined(counted, " OR "));
}

std::string status_view_query(const std::vector<StatusRow>& rows, int64_t published_us) {
  std::vector<std::string> values;
  for (const StatusRow& row : rows) values.push_back(status_values(row));
  // One row at least, so that the types stand; it is left out again.
  if (values.empty()) values.push_back(status_values({}));
  const std::string published = timestamp_literal(published_us);
  std::string query =
      "SELECT table_name, shard, rows_from, w, lake_position, lake_time, date_diff('second', lake_time, "
      "current_timestamp) AS lake_age_seconds, hot_position, hot_mode, stream_last_seq, lag_events, " +
      published + " AS published_at, date_diff('second', " + published +
      ", current_timestamp) AS published_age_seconds";
  return query + " FROM (VALUES " + joined(values, ", ") +
         ") AS s (table_name, shard, rows_from, w, lake_position, lake_time, hot_position, hot_mode, stream_last_seq, "
         "lag_events) WHERE table_name <> ''";
}

std::string create_view_sql(const std::string& view, const std::string& comment, const std::string& query) {
  // With the rights of who asks: an owner's view would need the owner to be allowed to pass on what it reads.
  return "CREATE OR REPLACE VIEW " + view + " COMMENT " + quote_string(comment) + " SECURITY INVOKER AS " + query;
}

std::string comment_text(const ViewContent& content, std::string_view reason) {
  if (content.kind == ViewKind::kHotCold) {
    return "rows up to _seq " + std::to_string(content.w) + " from the lake, newer ones from ClickHouse; kept by weir";
  }
  return "all rows from the lake" + (reason.empty() ? "" : ": " + std::string(reason)) + "; kept by weir";
}

}  // namespace weir::trino
