#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "app/services.h"
#include "base/ids.h"
#include "clickhouse/hot_table.h"
#include "config/pipeline_config.h"
#include "pipeline/hot_inserter.h"
#include "pipeline/hot_sink.h"

namespace weir::app {

// What the live path and jobs need of a table in ClickHouse alike. Requires of all: config.clickhouse is given.

/// The table as `plan`, the one in force or about to be, wants it. Does not connect.
[[nodiscard]] Result<std::unique_ptr<clickhouse::ClickHouseHotTable>> open_hot_table(Services& services,
                                                                                     const PipelineConfig& config,
                                                                                     const TableSection& section, const Plan& plan,
                                                                                     Telemetry telemetry);

/// The highest epoch that any store has seen of the table's shard 0, so that even a lost KV cannot bring an old one
/// back. A ClickHouse that is down, or has no fence yet, has nothing to say: the lake knows the epoch too. `hot_table`
/// may be null.
[[nodiscard]] Result<Epoch> highest_epoch(const std::string& table, lake::DeltaLakeTable& rows,
                                          lake::DeltaLakeTable& dead_letters,
                                          clickhouse::ClickHouseHotTable* hot_table);

/// HotSink::keep_start(), again and again until the key-value store has it or refuses for good. kShuttingDown: `stop`.
[[nodiscard]] Status keep_start(pipeline::HotSink& sink, const std::stop_token& stop);

/// Keeps for good, below `_weir/quarantine/`, that ClickHouse refused a row. Thread-safe; the arguments must outlive
/// it.
[[nodiscard]] pipeline::Quarantine quarantine_of(Services& services, const PipelineConfig& config, Telemetry telemetry,
                                                 const std::string& table, int32_t shard);

}  // namespace weir::app
