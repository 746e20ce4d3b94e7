#include "cluster/stream_job.h"

#include <nlohmann/json.hpp>

namespace weir::cluster {
namespace {

using Json = nlohmann::ordered_json;

Json name_of(const std::optional<SecretVariable>& secret) { return secret ? Json(secret->name) : Json(); }

std::optional<SecretVariable> secret_of(const Json& name) {
  if (name.is_null()) return std::nullopt;
  return SecretVariable{name.get<std::string>()};
}

Json json_of(const NatsSection& nats) {
  return {{"url", nats.url},         {"credentials_file", nats.credentials_file}, {"user", nats.user},
          {"password_env", name_of(nats.password)}, {"token_env", name_of(nats.token)},
          {"tls_ca", nats.tls_ca},   {"tls_cert", nats.tls_cert},                 {"tls_key", nats.tls_key}};
}

NatsSection nats_of(const Json& object) {
  return {.url = object.at("url").get<std::string>(),
          .credentials_file = object.at("credentials_file").get<std::string>(),
          .user = object.at("user").get<std::string>(),
          .password = secret_of(object.at("password_env")),
          .token = secret_of(object.at("token_env")),
          .tls_ca = object.at("tls_ca").get<std::string>(),
          .tls_cert = object.at("tls_cert").get<std::string>(),
          .tls_key = object.at("tls_key").get<std::string>()};
}

Json json_of(const LakeSection& lake) {
  return {{"url", lake.url}, {"target_file_bytes", lake.target_file_bytes}, {"sync", lake.sync}};
}

LakeSection lake_of(const Json& object) {
  LakeSection lake;
  lake.url = object.at("url").get<std::string>();
  lake.target_file_bytes = object.at("target_file_bytes").get<int64_t>();
  lake.sync = object.at("sync").get<bool>();
  return lake;
}

}  // namespace

std::string to_json(const StreamJob& job) {
  return Json{{"job", job.id},
              {"pipeline", job.pipeline},
              {"nats", json_of(job.nats)},
              {"lake", json_of(job.lake)},
              {"stream", job.stream},
              {"subjects", job.subjects},
              {"base", job.base},
              {"created_us", job.created_us},
              {"shard", job.shard},
              {"shards", job.shards},
              {"plan", Json::parse(to_json(job.plan))},
              {"new_columns_max", job.new_columns_max ? Json(*job.new_columns_max) : Json()}}
      .dump();
}

Result<StreamJob> stream_job_from_json(std::string_view text) {
  try {
    const Json object = Json::parse(text);
    WEIR_ASSIGN_OR_RETURN(Plan plan, plan_from_json(object.at("plan").dump()));
    std::optional<int> new_columns_max;
    if (const Json& most = object.at("new_columns_max"); !most.is_null()) new_columns_max = most.get<int>();
    return StreamJob{.id = object.at("job").get<std::string>(),
                     .pipeline = object.at("pipeline").get<std::string>(),
                     .nats = nats_of(object.at("nats")),
                     .lake = lake_of(object.at("lake")),
                     .stream = object.at("stream").get<std::string>(),
                     .subjects = object.at("subjects").get<std::vector<std::string>>(),
                     .base = object.at("base").get<int64_t>(),
                     .created_us = object.at("created_us").get<int64_t>(),
                     .shard = object.at("shard").get<int32_t>(),
                     .shards = object.at("shards").get<int32_t>(),
                     .plan = std::move(plan),
                     .new_columns_max = new_columns_max};
  } catch (const Json::exception& e) {
    return invalid_argument(std::string("a job cannot be read: ") + e.what());
  }
}

}  // namespace weir::cluster
