#include "app/running_process.h"

#include <nlohmann/json.hpp>

#include "http/status_client.h"

namespace weir::app {

std::string ask_running_process(const PipelineConfig& config) {
  std::string token;
  if (config.http.token) {
    const auto read = config.http.token->read();
    if (read.ok()) token = *read;
  }
  const auto body = http_get({.host = config.http.host, .port = config.http.port, .token = token}, "/api/v1/status");
  if (!body.ok()) return "";
  const auto json = nlohmann::json::parse(*body, nullptr, false);
  return json.is_object() && json.value("pipeline", "") == config.pipeline.name ? *body : "";
}

}  // namespace weir::app
