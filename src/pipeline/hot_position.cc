#include "pipeline/hot_position.h"

#include <nlohmann/json.hpp>

namespace weir::pipeline {

std::string to_json(const HotPosition& position) {
  nlohmann::json json{{"epoch", position.epoch.value},
                      {"hot_start", position.hot_start.value},
                      {"hot_position", position.hot_position.value}};
  if (position.in_flight) {
    json["in_flight"] = {{"first", position.in_flight->range.first.value},
                         {"last", position.in_flight->range.last.value},
                         {"rows", position.in_flight->rows},
                         {"digest", position.in_flight->digest}};
  }
  if (position.fence.value != 0) json["fence"] = position.fence.value;
  if (!position.table_id.empty()) json["table_id"] = position.table_id;
  if (position.provisional) json["provisional"] = true;
  return json.dump();
}

Result<HotPosition> hot_position_from_json(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    HotPosition position{.epoch = Epoch{json.at("epoch").get<int64_t>()},
                         .hot_start = Seq{json.at("hot_start").get<int64_t>()},
                         .hot_position = Seq{json.at("hot_position").get<int64_t>()},
                         .in_flight = std::nullopt,
                         .fence = Epoch{json.value("fence", int64_t{0})},
                         .table_id = json.value("table_id", ""),
                         .provisional = json.value("provisional", false)};
    if (const auto found = json.find("in_flight"); found != json.end()) {
      position.in_flight = InFlight{.range = {Seq{found->at("first").get<int64_t>()}, Seq{found->at("last").get<int64_t>()}},
                                    .rows = found->at("rows").get<int64_t>(),
                                    .digest = found->at("digest").get<std::string>()};
    }
    return position;
  } catch (const nlohmann::json::exception& error) {
    return data_loss("the ClickHouse position in NATS KV is not readable (" + std::string(error.what()) + "): " +
                     std::string(text));
  }
}

std::string hot_position_key(std::string_view table, int32_t shard) {
  return "hot/" + std::string(table) + "/" + std::to_string(shard);
}

}  // namespace weir::pipeline
