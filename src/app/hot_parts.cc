#include "app/hot_parts.h"

#include <algorithm>
#include <chrono>

#include "app/shard_jobs.h"
#include "base/retry.h"
#include "lake/lake_layout.h"
#include "pipeline/hot_fence.h"
#include "trino/column_view.h"

namespace weir::app {

Result<std::unique_ptr<clickhouse::ClickHouseHotTable>> open_hot_table(Services& services, const PipelineConfig& config,
                                                                       const TableSection& section, const Plan& plan,
                                                                       Telemetry telemetry) {
  clickhouse::TableOptions options;
  options.pipeline = config.pipeline.name;
  options.sync = config.clickhouse->sync;
  options.retention =
      std::chrono::duration_cast<std::chrono::seconds>(section.clickhouse_retention.value_or(milliseconds(0)));
  if (config.trino) {
    for (const trino::ColumnView& column : trino::column_views(plan)) {
      options.reader_columns.push_back({.name = column.name, .expression = column.clickhouse});
    }
  }
  return clickhouse::ClickHouseHotTable::open(*services.clickhouse, telemetry.clock, plan, std::move(options));
}

Result<Epoch> highest_epoch(const std::string& table, lake::DeltaLakeTable& rows, lake::DeltaLakeTable& dead_letters,
                            clickhouse::ClickHouseHotTable* hot_table) {
  Epoch highest{0};
  const std::string app_id = position_app_id(table, 0) + "/epoch";
  for (lake::DeltaLakeTable* in_lake : {&rows, &dead_letters}) {
    WEIR_ASSIGN_OR_RETURN(const auto snapshot, in_lake->snapshot());
    WEIR_ASSIGN_OR_RETURN(const auto epoch, snapshot->txn(app_id));
    highest = std::max(highest, Epoch{epoch.value_or(0)});
  }
  if (hot_table == nullptr) return highest;
  for (const HotWriter& writer : {live_writer(0), bulk_writer(0)}) {
    const auto fence = hot_table->fence(writer);
    if (fence.ok()) highest = std::max(highest, pipeline::epoch_of_fence(*fence));
  }
  return highest;
}

Status keep_start(pipeline::HotSink& sink, const std::stop_token& stop) {
  const RetryPolicy retry;
  for (int attempt = 0;; ++attempt) {
    const Status kept = sink.keep_start();
    const Disposition next = kept.disposition();
    if (kept.ok() || (next != Disposition::kRetry && next != Disposition::kReconcile)) return kept;
    (void)wait_until([] { return false; }, retry.delay(attempt, 0.0), stop);
    if (stop.stop_requested()) return shutting_down("stopped while NATS did not keep where ClickHouse begins: " + kept.message());
  }
}

pipeline::Quarantine quarantine_of(Services& services, const PipelineConfig& config, Telemetry telemetry,
                                   const std::string& table, int32_t shard) {
  return [&services, &config, telemetry, table, shard](RowId row, const std::string& reason) {
    telemetry.log.error(
        "ClickHouse can never take this row; it is put aside",
        {{"table", table}, {"shard", shard}, {"seq", row.seq.value}, {"row", row.row}, {"reason", reason}});
    const std::string path = "_weir/quarantine/" + table + "/" + std::to_string(shard) + "/" +
                             lake::padded(row.seq.value) + "-" + lake::padded(row.row) + ".txt";
    const Status status = lake_objects(*services.engine, config).put_if_absent(path, reason);
    return status.code() == StatusCode::kAlreadyExists ? ok_status() : status;
  };
}

}  // namespace weir::app
