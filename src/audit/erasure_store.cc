#include "audit/erasure_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "audit/identity_json.h"
#include "lake/lake_layout.h"

namespace weir::audit {
namespace {

using Json = nlohmann::ordered_json;

std::string folder_of(std::string_view table) { return "_weir/erasures/" + lake::path_segment(table); }

std::string path_of(const Erasure& erasure) {
  return folder_of(erasure.table) + "/" + lake::padded(erasure.number) + ".json";
}

std::string done_path_of(const Erasure& erasure) {
  return folder_of(erasure.table) + "/" + lake::padded(erasure.number) + "-done.json";
}

std::string to_json(const Erasure& erasure) {
  Json shards = Json::array();
  for (const auto& [shard, upto] : erasure.upto) {
    shards.push_back({{"shard", shard},
                      {"upto", upto.value},
                      {"rows", erasure.identities.size(shard)},
                      {"ranges", ranges_to_json(erasure.identities, shard)}});
  }
  return Json{{"number", erasure.number},           {"table", erasure.table},
              {"predicate", erasure.predicate},     {"reason", erasure.reason},
              {"recorded_us", erasure.recorded_us}, {"lake_version", erasure.lake_version},
              {"shards", std::move(shards)}}
      .dump();
}

Result<Erasure> from_json(const std::string& path, const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    Erasure erasure{.number = json.at("number").get<int64_t>(),
                    .table = json.at("table").get<std::string>(),
                    .predicate = json.at("predicate").get<std::string>(),
                    .reason = json.at("reason").get<std::string>(),
                    .recorded_us = json.at("recorded_us").get<int64_t>(),
                    .lake_version = json.at("lake_version").get<int64_t>()};
    for (const auto& shard : json.at("shards")) {
      const auto number = shard.at("shard").get<int32_t>();
      erasure.upto[number] = Seq{shard.at("upto").get<int64_t>()};
      add_ranges(shard.at("ranges"), number, &erasure.identities);
    }
    erasure.identities.finish();
    return erasure;
  } catch (const nlohmann::json::exception& e) {
    return data_loss(path + " is no erasure: " + e.what());
  }
}

}  // namespace

Result<std::vector<Erasure>> ErasureStore::list(std::string_view table) const {
  WEIR_ASSIGN_OR_RETURN(const auto objects, objects_.list(folder_of(table)));
  std::vector<Erasure> erasures;
  for (const engine::ObjectEntry& object : objects) {
    if (object.path.ends_with("-done.json")) continue;
    WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(object.path));
    WEIR_ASSIGN_OR_RETURN(Erasure erasure, from_json(object.path, text));
    erasure.done = std::ranges::any_of(
        objects, [&](const engine::ObjectEntry& other) { return other.path == done_path_of(erasure); });
    erasures.push_back(std::move(erasure));
  }
  std::ranges::sort(erasures, {}, &Erasure::number);
  return erasures;
}

Status ErasureStore::record(const Erasure& erasure) const {
  return objects_.put_if_absent(path_of(erasure), to_json(erasure));
}

Status ErasureStore::finish(const Erasure& erasure, int64_t now_us) const {
  const Status put = objects_.put_if_absent(done_path_of(erasure), Json{{"done_us", now_us}}.dump());
  return put.code() == StatusCode::kAlreadyExists ? ok_status() : put;
}

std::string erasure_app_id(std::string_view table) { return "weir/" + std::string(table) + "/erasures"; }

}  // namespace weir::audit
