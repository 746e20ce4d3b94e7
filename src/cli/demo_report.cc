#include "cli/demo_report.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <cstdio>
#include <ostream>

#include "app/lake_reader.h"
#include "cli/progress_line.h"
#include "cli/result_printer.h"
#include "cli/text_table.h"
#include "clickhouse/client.h"

namespace weir::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Result<Rows> lake_rows(const engine::Engine& engine, const PipelineConfig& config, const std::string& sql) {
  WEIR_ASSIGN_OR_RETURN(const auto reader, app::query_lake(engine, config, sql));
  Rows rows;
  while (true) {
    std::shared_ptr<arrow::RecordBatch> batch;
    if (const auto status = reader->ReadNext(&batch); !status.ok()) return unavailable(status.message());
    if (batch == nullptr) return rows;
    for (int64_t row = 0; row < batch->num_rows(); ++row) {
      std::vector<std::string> cells;
      for (const auto& column : batch->columns()) cells.push_back(cell_text(*column, row));
      rows.push_back(std::move(cells));
    }
  }
}

Result<Rows> clickhouse_rows(clickhouse::Client& client, const std::string& sql) {
  return client.query_rows({.sql = sql, .parameters = {}, .settings = {}});
}

void print_rows(const std::vector<std::string>& heading, const Rows& rows, std::ostream& out) {
  TextTable table;
  table.add(heading);
  for (const auto& row : rows) table.add(row);
  out << table.render("  ");
}

std::string grouped_text(const std::string& digits) {
  return grouped(std::strtoll(digits.c_str(), nullptr, 10));
}

struct TableCheck {
  const char* table;
  int64_t published;
  const char* measures;  ///< Columns that both stores must agree on, as SQL that both understand.
  std::vector<std::string> names;
};

Result<bool> check_table(const TableCheck& check, const PipelineConfig& config, app::PipelineRun& run,
                         const StatusSnapshot& status, std::ostream& out) {
  const std::string select = std::string("SELECT ") + check.measures + " FROM ";
  WEIR_ASSIGN_OR_RETURN(const Rows lake, lake_rows(*run.services().engine, config, select + check.table));
  WEIR_ASSIGN_OR_RETURN(const Rows hot, clickhouse_rows(*run.services().clickhouse,
                                                        select + config.clickhouse->database + "." + check.table));
  ShardTotals totals;
  for (const TableStatus& table : status.tables) {
    if (table.name == check.table) totals = table.shards.front().totals;
  }
  const int64_t lake_count = std::strtoll(lake[0][0].c_str(), nullptr, 10);
  const bool accounted = check.published == lake_count + totals.filtered + totals.dead_letters;
  const bool agree = lake[0] == hot[0];
  out << check.table << "\n  published " << grouped(check.published) << " = rows " << grouped(lake_count) << " + filtered "
      << grouped(totals.filtered) << " + dead letters " << grouped(totals.dead_letters)
      << (accounted ? "   holds" : "   DOES NOT HOLD") << "\n";
  Rows rows;
  for (size_t i = 0; i < check.names.size(); ++i) {
    rows.push_back({check.names[i], grouped_text(lake[0][i]), grouped_text(hot[0][i]),
                    lake[0][i] == hot[0][i] ? "equal" : "DIFFERENT"});
  }
  print_rows({"", "lake", "ClickHouse", ""}, rows, out);
  out << "\n";
  return accounted && agree;
}

void print_freshness(const FreshnessSamples& freshness, std::ostream& out) {
  Rows rows;
  for (const bool hot : {true, false}) {
    std::vector<std::string> row{hot ? "ClickHouse" : "lake"};
    for (const double p : {0.5, 0.9, 0.99}) {
      char text[32];
      std::snprintf(text, sizeof text, "%.0f ms", freshness.percentile_ms(hot, p));
      row.emplace_back(text);
    }
    rows.push_back(std::move(row));
  }
  out << "From publish to visible, at 2,000 events/s\n";
  print_rows({"", "p50", "p90", "p99"}, rows, out);
  out << "\n";
}

}  // namespace

void FreshnessSamples::add(bool hot, double seconds) {
  std::lock_guard lock(mutex_);
  samples_[hot ? 1 : 0].push_back(seconds);
}

double FreshnessSamples::percentile_ms(bool hot, double p) const {
  std::lock_guard lock(mutex_);
  std::vector<double> sorted = samples_[hot ? 1 : 0];
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(p * static_cast<double>(sorted.size() - 1))] * 1e3;
}

Result<bool> print_demo_report(const PipelineConfig& config, app::PipelineRun& run, const Published& published,
                               const FreshnessSamples& freshness, std::ostream& out) {
  const StatusSnapshot status = run.snapshot();
  const engine::Engine& engine = *run.services().engine;
  clickhouse::Client& client = *run.services().clickhouse;
  out << "\n";
  WEIR_ASSIGN_OR_RETURN(const bool flights,
                        check_table({"flights", published.flights,
                                     "count(*), sum(distance), count(DISTINCT carrier), count(DISTINCT day)",
                                     {"rows", "sum of distance", "carriers", "days"}},
                                    config, run, status, out));
  WEIR_ASSIGN_OR_RETURN(const bool weather,
                        check_table({"weather", published.weather, "count(*), count(DISTINCT origin), count(DISTINCT measured_at)",
                                     {"rows", "origins", "hours"}},
                                    config, run, status, out));
  WEIR_ASSIGN_OR_RETURN(
      const Rows dead_letters,
      lake_rows(engine, config,
                "SELECT code, count(*), min(reason) FROM dead_letters GROUP BY code ORDER BY count(*) DESC, code"));
  out << "Dead letters\n";
  print_rows({"code", "events", "for example"}, dead_letters, out);
  out << "\n";
  print_freshness(freshness, out);
  Rows positions;
  for (const TableStatus& table : status.tables) {
    const weir::ShardStatus& shard = table.shards.front();
    positions.push_back({table.name, grouped(shard.stream_last_seq.value_or(0)), grouped(shard.lake_position),
                         grouped(shard.hot_position.value_or(0))});
  }
  out << "Positions\n";
  print_rows({"table", "stream end", "lake", "ClickHouse"}, positions, out);
  WEIR_ASSIGN_OR_RETURN(const Rows by_lake,
                        lake_rows(engine, config,
                                  "SELECT carrier, count(*), round(avg(arr_delay), 1) FROM flights GROUP BY carrier ORDER BY "
                                  "avg(arr_delay) LIMIT 5"));
  out << "\nThe most punctual carriers, asked of the lake (DataFusion)\n";
  print_rows({"carrier", "flights", "mean arrival delay, min"}, by_lake, out);
  WEIR_ASSIGN_OR_RETURN(const Rows by_hot,
                        clickhouse_rows(client, "SELECT origin, count(), round(quantile(0.9)(dep_delay)) FROM " +
                                                    config.clickhouse->database +
                                                    ".flights GROUP BY origin ORDER BY origin"));
  out << "\nDepartures by airport, asked of ClickHouse\n";
  print_rows({"origin", "flights", "p90 departure delay, min"}, by_hot, out);
  return flights && weather;
}

}  // namespace weir::cli
