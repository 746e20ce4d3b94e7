#include "app/store_access.h"

#include <chrono>
#include <filesystem>

#include "app/services.h"

namespace weir::app {
namespace {

constexpr std::chrono::minutes kStatementTimeout{30};

}  // namespace

Result<std::unique_ptr<StoreAccess>> open_store_access(const PipelineConfig& config) {
  auto access = std::make_unique<StoreAccess>();
  const std::filesystem::path data_dir(config.pipeline.data_dir);
  std::string nats_url;
  if (config.nats.embedded()) {
    nats::EmbeddedServerOptions options;
    options.folder = data_dir / "nats";
    WEIR_ASSIGN_OR_RETURN(access->nats_server, nats::EmbeddedServer::start(options));
    nats_url = access->nats_server->url();
  }
  std::string clickhouse_url;
  if (config.clickhouse && config.clickhouse->embedded()) {
    clickhouse::EmbeddedServerOptions options;
    options.folder = data_dir / "clickhouse";
    WEIR_ASSIGN_OR_RETURN(access->clickhouse_server, clickhouse::EmbeddedServer::start(options));
    clickhouse_url = access->clickhouse_server->url();
  }
  WEIR_ASSIGN_OR_RETURN(access->nats, open_nats(config, nats_url));
  WEIR_ASSIGN_OR_RETURN(access->key_value,
                        nats::KvBucket::open(*access->nats, {.bucket = "weir_" + config.pipeline.name, .replicas = 1}));
  WEIR_ASSIGN_OR_RETURN(access->clickhouse, open_clickhouse(config, clickhouse_url, kStatementTimeout));
  return access;
}

}  // namespace weir::app
