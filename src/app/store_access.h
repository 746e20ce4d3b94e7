#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "clickhouse/client.h"
#include "clickhouse/embedded_server.h"
#include "config/pipeline_config.h"
#include "nats/connection.h"
#include "nats/embedded_server.h"
#include "nats/kv_bucket.h"

namespace weir::app {

/// Connections of a command that looks at the stores beside a running pipeline, or while nothing runs. Members are destroyed
/// in reverse order.
struct StoreAccess {
  std::unique_ptr<nats::EmbeddedServer> nats_server;
  std::unique_ptr<clickhouse::EmbeddedServer> clickhouse_server;
  std::unique_ptr<nats::Connection> nats;
  std::unique_ptr<nats::KvBucket> key_value;
  std::unique_ptr<clickhouse::Client> clickhouse;  ///< Null for a lake-only pipeline.
};

/// Connects to NATS and, where the pipeline has one, to ClickHouse, with time for statements that read whole tables. Starts
/// what is embedded: call on the main thread. Errors name the key of the pipeline file that is at fault.
[[nodiscard]] Result<std::unique_ptr<StoreAccess>> open_store_access(const PipelineConfig& config);

}  // namespace weir::app
