#include "app/cluster_access.h"

#include <nlohmann/json.hpp>

#include "web/http_client.h"

namespace weir::app {

Result<engine::Cluster> open_cluster(const std::string& scheduler_url, std::chrono::seconds timeout) {
  const std::string advice = "; start one with `weir scheduler`, or correct engine.scheduler";
  WEIR_ASSIGN_OR_RETURN(const auto client, web::HttpClient::open({.request_timeout = std::chrono::seconds(10)}));
  const auto answer = client->exchange({.method = web::Method::kGet, .url = scheduler_url + "/api/executors"});
  if (!answer.ok()) {
    return unavailable("no Ballista scheduler answers at " + scheduler_url + ": " + answer.status().message() + advice);
  }
  const auto executors = nlohmann::json::parse(answer->body, nullptr, false);
  if (answer->status != 200 || !executors.is_array()) {
    return unavailable("what answers at " + scheduler_url + " is no Ballista scheduler (HTTP status " +
                       std::to_string(answer->status) + ")" + advice);
  }
  engine::Cluster cluster{.scheduler_url = scheduler_url, .tasks = 0, .timeout = timeout};
  for (const auto& executor : executors) {
    const nlohmann::json::json_pointer tasks("/specification/vcores");
    const bool known = executor.is_object() && executor.contains(tasks) && executor[tasks].is_number_unsigned();
    cluster.tasks += known ? executor[tasks].get<uint32_t>() : 1;
  }
  if (cluster.tasks == 0) {
    return unavailable("the scheduler at " + scheduler_url + " has no executor; start some with `weir executor --scheduler " +
                       scheduler_url + "`");
  }
  return cluster;
}

}  // namespace weir::app
