#include "maintain/part_watch.h"

#include <charconv>

namespace weir::maintain {
namespace {

int64_t number(const std::string& text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

StepReport watch_parts(clickhouse::Client& client, const std::string& table) {
  StepReport report{.table = table, .step = Step::kParts, .note = {}};
  const std::string& database = client.options().database;
  const auto rows = client.query_rows(
      {.sql = "SELECT sum(parts), max(parts), argMax(partition, parts), countIf(parts > {limit:UInt64}) FROM "
              "(SELECT partition, count() AS parts FROM system.parts "
              "WHERE active AND database = {database:String} AND table = {table:String} GROUP BY partition)",
       .parameters = {{"limit", std::to_string(kPartsMax)}, {"database", database}, {"table", table}},
       .settings = {}});
  if (!rows.ok() || rows->size() != 1 || rows->front().size() != 4) {
    report.outcome = Outcome::kSkipped;
    report.note = "ClickHouse: " + (rows.ok() ? "an answer of another form" : rows.status().to_string());
    return report;
  }
  const std::vector<std::string>& row = rows->front();
  report.files = number(row[0]);
  if (number(row[1]) <= kPartsMax) return report;
  report.outcome = Outcome::kWarning;
  report.note = "ClickHouse partition " + row[2] + " has " + row[1] + " active parts (" + row[3] + " partitions have more than " +
                std::to_string(kPartsMax) + "): merges do not keep up. Look at system.merges and the disk; raise "
                "clickhouse.flush_interval; or merge by hand, OPTIMIZE TABLE " + database + "." + table;
  return report;
}

}  // namespace weir::maintain
