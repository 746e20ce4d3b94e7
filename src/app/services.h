#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "clickhouse/client.h"
#include "clickhouse/embedded_server.h"
#include "config/pipeline_config.h"
#include "engine/engine.h"
#include "engine/object_store.h"
#include "lake/delta_lake_table.h"
#include "nats/connection.h"
#include "nats/embedded_server.h"
#include "nats/kv_bucket.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace weir::app {

/// What every part of a running process reports to. Borrowed; outlives the services.
struct Telemetry {
  Logger& log;
  MetricsRegistry& metrics;
  const Clock& clock;
};

/// Everything of a process that is there once: the engine, the connections, the embedded servers. Members are destroyed in
/// reverse order, so servers end after their clients.
struct Services {
  std::unique_ptr<engine::Engine> engine;
  std::unique_ptr<nats::EmbeddedServer> nats_server;              ///< nats.url = "embedded"
  std::unique_ptr<clickhouse::EmbeddedServer> clickhouse_server;  ///< clickhouse.url = "embedded"
  std::unique_ptr<nats::Connection> nats;
  std::unique_ptr<nats::KvBucket> key_value;
  std::unique_ptr<clickhouse::Client> clickhouse;  ///< Null for a lake-only pipeline.
};

/// The engine alone: enough for SQL checks and for reading the lake.
[[nodiscard]] Result<std::unique_ptr<engine::Engine>> open_engine(const PipelineConfig& config);

/// Starts what is embedded and connects to NATS. ClickHouse need not answer yet; NATS must. Call on the main thread.
/// Every failure names the key of the pipeline file that is at fault.
[[nodiscard]] Result<std::unique_ptr<Services>> open_services(const PipelineConfig& config, Telemetry telemetry);

/// Connects to ClickHouse as the file says; null for a lake-only pipeline. `embedded_url` replaces an "embedded" url.
/// `request_timeout`: of statements that read whole tables, more than the default.
[[nodiscard]] Result<std::unique_ptr<clickhouse::Client>> open_clickhouse(
    const PipelineConfig& config, const std::string& embedded_url,
    std::chrono::milliseconds request_timeout = clickhouse::Options{}.request_timeout);

/// Connects to NATS as the file says.
[[nodiscard]] Result<std::unique_ptr<nats::Connection>> open_nats(const PipelineConfig& config,
                                                                  const std::string& embedded_url);

[[nodiscard]] lake::LakeOptions lake_options(const PipelineConfig& config);
[[nodiscard]] engine::ObjectStore lake_objects(const engine::Engine& engine, const PipelineConfig& config);

/// Fills the rows of one plan from its SQL or its columns. kInvalidArgument as resolve_rows().
[[nodiscard]] Status resolve_plan(const engine::Engine& engine, Plan* plan);

/// Fills the rows of every table from its SQL or its columns. kInvalidArgument lists every problem with file and line.
[[nodiscard]] Status resolve_plans(const engine::Engine& engine, PipelineConfig* config);

}  // namespace weir::app
