#include "audit/letter_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "audit/identity_json.h"
#include "lake/lake_layout.h"

namespace weir::audit {
namespace {

using Json = nlohmann::ordered_json;

std::string folder_of(std::string_view table) { return "_weir/letters/" + lake::path_segment(table); }

std::string path_of(const LetterDecision& decision, std::string_view end) {
  return folder_of(decision.table) + "/" + lake::padded(decision.number) + std::string(end);
}

constexpr std::string_view kRecord = ".json";
constexpr std::string_view kDone = "-done.json";

std::string to_text(const LetterDecision& decision) {
  return Json{{"number", decision.number},
              {"table", decision.table},
              {"fate", to_string(decision.fate)},
              {"reason", decision.reason},
              {"plan_id", decision.plan_id},
              {"recorded_us", decision.recorded_us},
              {"letters", to_json(decision.letters)},
              {"rows", to_json(decision.rows)}}
      .dump();
}

Result<LetterDecision> from_text(const std::string& path, const std::string& text) {
  try {
    const auto json = nlohmann::json::parse(text);
    const auto fate = json.at("fate").get<std::string>();
    if (fate != to_string(LetterFate::kReplayed) && fate != to_string(LetterFate::kDropped)) {
      return data_loss(path + " has the unknown fate '" + fate + "'");
    }
    return LetterDecision{
        .number = json.at("number").get<int64_t>(),
        .table = json.at("table").get<std::string>(),
        .fate = fate == to_string(LetterFate::kDropped) ? LetterFate::kDropped : LetterFate::kReplayed,
        .reason = json.at("reason").get<std::string>(),
        .plan_id = json.at("plan_id").get<std::string>(),
        .recorded_us = json.at("recorded_us").get<int64_t>(),
        .letters = identities_from_json(json.at("letters")),
        .rows = identities_from_json(json.at("rows"))};
  } catch (const nlohmann::json::exception& e) {
    return data_loss(path + " is no decision on dead letters: " + e.what());
  }
}

}  // namespace

std::string_view to_string(LetterFate fate) { return fate == LetterFate::kDropped ? "dropped" : "replayed"; }

Result<std::vector<LetterDecision>> LetterStore::list(std::string_view table) const {
  WEIR_ASSIGN_OR_RETURN(const auto objects, objects_.list(folder_of(table)));
  std::vector<LetterDecision> decisions;
  for (const engine::ObjectEntry& object : objects) {
    if (object.path.ends_with(kDone)) continue;
    WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(object.path));
    WEIR_ASSIGN_OR_RETURN(LetterDecision decision, from_text(object.path, text));
    decision.done = decision.fate == LetterFate::kDropped ||
                    std::ranges::any_of(objects, [done = path_of(decision, kDone)](const engine::ObjectEntry& other) {
                      return other.path == done;
                    });
    decisions.push_back(std::move(decision));
  }
  std::ranges::sort(decisions, {}, &LetterDecision::number);
  return decisions;
}

Status LetterStore::record(const LetterDecision& decision) const {
  return objects_.put_if_absent(path_of(decision, kRecord), to_text(decision));
}

Status LetterStore::finish(const LetterDecision& decision, int64_t now_us) const {
  const Status put = objects_.put_if_absent(path_of(decision, kDone), Json{{"done_us", now_us}}.dump());
  return put.code() == StatusCode::kAlreadyExists ? ok_status() : put;
}

std::string replay_app_id(std::string_view table) { return "weir/" + std::string(table) + "/replays"; }

}  // namespace weir::audit
