#include "app/services.h"

#include <filesystem>
#include <utility>

#include "config/pipeline_file.h"
#include "config/resolve_rows.h"
#include "engine/sql_plan.h"
#include "lake/lake_layout.h"

namespace weir::app {
namespace {

// Reads the secret a key names, if it is given.
Status read_secret(const std::optional<SecretVariable>& variable, std::string* value) {
  if (!variable) return ok_status();
  WEIR_ASSIGN_OR_RETURN(*value, variable->read());
  return ok_status();
}

Status check_local_lake(const PipelineConfig& config) {
  constexpr std::string_view kScheme = "file://";
  if (!config.lake.url.starts_with(kScheme)) return ok_status();
  const std::filesystem::path folder(config.lake.url.substr(kScheme.size()));
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return permission_denied("lake.url = \"" + config.lake.url + "\": cannot make the folder (" + error.message() +
                             "); make it yourself and let this user write there");
  }
  return ok_status();
}

SqlChecker sql_checker(const engine::Engine& engine) {
  return [&engine](const Plan& plan) -> Result<std::shared_ptr<arrow::Schema>> {
    WEIR_ASSIGN_OR_RETURN(const auto compiled, engine::SqlPlan::compile(engine, input_arrow_schema(plan), plan.sql));
    return compiled->output_schema();
  };
}

}  // namespace

Result<std::unique_ptr<engine::Engine>> open_engine(const PipelineConfig& config) {
  return engine::Engine::open({.worker_threads = 0, .memory_limit_bytes = config.engine.memory_bytes_max});
}

lake::LakeOptions lake_options(const PipelineConfig& config) {
  lake::LakeOptions options;
  options.url = config.lake.url;
  options.sync = config.lake.sync;
  options.target_file_bytes = config.lake.target_file_bytes;
  return options;
}

engine::ObjectStore lake_objects(const engine::Engine& engine, const PipelineConfig& config) {
  return {engine, config.lake.url, config.lake.sync};
}

Status resolve_plan(const engine::Engine& engine, Plan* plan) { return resolve_rows(plan, sql_checker(engine)); }

Status resolve_plans(const engine::Engine& engine, PipelineConfig* config) {
  return to_status(resolve_rows(config, sql_checker(engine)));
}

Result<std::unique_ptr<nats::Connection>> open_nats(const PipelineConfig& config, const std::string& embedded_url) {
  nats::ConnectionOptions options;
  options.url = config.nats.embedded() ? embedded_url : config.nats.url;
  options.name = "weir " + config.pipeline.name;
  options.credentials_file = config.nats.credentials_file;
  options.user = config.nats.user;
  WEIR_RETURN_IF_ERROR(read_secret(config.nats.password, &options.password));
  WEIR_RETURN_IF_ERROR(read_secret(config.nats.token, &options.token));
  options.tls_ca = config.nats.tls_ca;
  options.tls_cert = config.nats.tls_cert;
  options.tls_key = config.nats.tls_key;
  auto connection = nats::Connection::open(options);
  if (!connection.ok()) {
    return connection.status().with_context("nats.url = \"" + without_credentials(options.url) + "\"");
  }
  return connection;
}

Result<std::unique_ptr<clickhouse::Client>> open_clickhouse(const PipelineConfig& config,
                                                            const std::string& embedded_url,
                                                            std::chrono::milliseconds request_timeout) {
  if (!config.clickhouse) return std::unique_ptr<clickhouse::Client>();
  clickhouse::Options options;
  options.url = config.clickhouse->embedded() ? embedded_url : config.clickhouse->url;
  options.database = config.clickhouse->database;
  options.user = config.clickhouse->user;
  options.tls_ca = config.clickhouse->tls_ca;
  options.request_timeout = request_timeout;
  WEIR_RETURN_IF_ERROR(read_secret(config.clickhouse->password, &options.password));
  return clickhouse::Client::open(options);
}

Result<std::unique_ptr<Services>> open_services(const PipelineConfig& config, Telemetry telemetry) {
  auto services = std::make_unique<Services>();
  const std::filesystem::path data_dir(config.pipeline.data_dir);
  WEIR_RETURN_IF_ERROR(check_local_lake(config));
  WEIR_ASSIGN_OR_RETURN(services->engine, open_engine(config));
  const Status probed = lake_objects(*services->engine, config).probe_put_if_absent(std::string(lake::kProbePath));
  if (!probed.ok()) return probed.with_context("lake.url = \"" + config.lake.url + "\"");

  if (config.nats.embedded()) {
    nats::EmbeddedServerOptions options;
    options.folder = data_dir / "nats";
    WEIR_ASSIGN_OR_RETURN(services->nats_server, nats::EmbeddedServer::start(options));
    telemetry.log.info("embedded NATS is up", {{"url", services->nats_server->url()}});
  }
  if (config.clickhouse && config.clickhouse->embedded()) {
    clickhouse::EmbeddedServerOptions options;
    options.folder = data_dir / "clickhouse";
    WEIR_ASSIGN_OR_RETURN(services->clickhouse_server, clickhouse::EmbeddedServer::start(options));
    telemetry.log.info("embedded ClickHouse is up", {{"url", services->clickhouse_server->url()}});
  }
  WEIR_ASSIGN_OR_RETURN(services->nats, open_nats(config, services->nats_server ? services->nats_server->url() : ""));
  WEIR_ASSIGN_OR_RETURN(
      services->key_value,
      nats::KvBucket::open(*services->nats, {.bucket = "weir_" + config.pipeline.name, .replicas = 1}));
  WEIR_ASSIGN_OR_RETURN(services->clickhouse,
                        open_clickhouse(config, services->clickhouse_server ? services->clickhouse_server->url() : ""));
  return services;
}

}  // namespace weir::app
