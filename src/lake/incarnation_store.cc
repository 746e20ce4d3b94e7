#include "lake/incarnation_store.h"

#include <nlohmann/json.hpp>
#include <string>

#include "lake/lake_layout.h"

namespace weir::lake {
namespace {

using nlohmann::json;

std::string incarnation_json(const Incarnation& incarnation) {
  return json{{"number", incarnation.number},
              {"base", incarnation.base},
              {"created_us", incarnation.created_us},
              {"accepted_at_position", incarnation.accepted_at_position.value}}
      .dump();
}

Result<Incarnation> parse_incarnation(const std::string& path, const std::string& text) {
  try {
    const json object = json::parse(text);
    return Incarnation{.number = object.at("number").get<int64_t>(),
                       .base = object.at("base").get<int64_t>(),
                       .created_us = object.at("created_us").get<int64_t>(),
                       .accepted_at_position = Seq{object.at("accepted_at_position").get<int64_t>()}};
  } catch (const json::exception& e) {
    return data_loss(path + " cannot be read: " + e.what());
  }
}

}  // namespace

Result<std::vector<Incarnation>> IncarnationStore::history(std::string_view stream) const {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects_.list(incarnation_folder(stream)));
  std::vector<Incarnation> lives;
  for (const engine::ObjectEntry& entry : entries) {
    WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(entry.path));
    WEIR_ASSIGN_OR_RETURN(const Incarnation life, parse_incarnation(entry.path, text));
    lives.push_back(life);
  }
  return lives;
}

Result<std::optional<Incarnation>> IncarnationStore::current(std::string_view stream) const {
  WEIR_ASSIGN_OR_RETURN(const auto lives, history(stream));
  return lives.empty() ? std::nullopt : std::optional(lives.back());
}

Status IncarnationStore::advance(std::string_view stream, const Incarnation& next) const {
  WEIR_ASSIGN_OR_RETURN(const auto newest, current(stream));
  if (newest && *newest == next) return {};
  const Incarnation before = newest.value_or(Incarnation{.number = 0});
  if (next.number <= before.number) {
    return conflict("incarnation " + std::to_string(next.number) + " of stream " + std::string(stream) +
                    " was accepted by another process");
  }
  if (next.number != before.number + 1 || next.base <= before.base || next.base < next.accepted_at_position.value) {
    return invalid_argument("incarnation " + std::to_string(next.number) + " with base " + std::to_string(next.base) +
                            " cannot follow incarnation " + std::to_string(before.number) + " with base " +
                            std::to_string(before.base) + " at position " + to_string(next.accepted_at_position));
  }
  const std::string path = incarnation_folder(stream) + "/" + padded(next.number) + ".json";
  const Status put = objects_.put_if_absent(path, incarnation_json(next));
  if (put.code() != StatusCode::kAlreadyExists) return put;
  WEIR_ASSIGN_OR_RETURN(const std::string there, objects_.get(path));
  if (there == incarnation_json(next)) return {};
  return conflict("incarnation " + std::to_string(next.number) + " of stream " + std::string(stream) +
                  " was accepted by another process");
}

}  // namespace weir::lake
