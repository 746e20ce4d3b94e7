#include "lake/gap_store.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lake/lake_layout.h"

namespace weir::lake {
namespace {

using nlohmann::json;

std::string gap_json(const Gap& gap) {
  const json object = {{"name", gap.name},
                       {"shard", gap.shard},
                       {"first", gap.range.first.value},
                       {"last", gap.range.last.value},
                       {"reason", gap.reason},
                       {"detected_us", gap.detected_us},
                       {"accepted_us", gap.accepted_us},
                       {"incarnation", gap.incarnation}};
  // A reason may quote a server's message: bytes that are not UTF-8 must not stop the record.
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Gap> parse_gap(const std::string& path, const std::string& text) {
  try {
    const json object = json::parse(text);
    Gap gap;
    gap.name = object.at("name").get<std::string>();
    gap.shard = object.at("shard").get<int32_t>();
    gap.range = {Seq{object.at("first").get<int64_t>()}, Seq{object.at("last").get<int64_t>()}};
    gap.reason = object.at("reason").get<std::string>();
    gap.detected_us = object.at("detected_us").get<int64_t>();
    gap.accepted_us = object.at("accepted_us").get<int64_t>();
    gap.incarnation = object.at("incarnation").get<int64_t>();
    return gap;
  } catch (const json::exception& e) {
    return data_loss(path + " cannot be read: " + e.what());
  }
}

}  // namespace

Status GapStore::record(const Gap& gap) const {
  if (gap.range.empty()) return invalid_argument("the gap " + to_string(gap.range) + " of " + gap.name + " is empty");
  const std::string path = gap_folder(gap.name) + "/" + std::to_string(gap.shard) + "/" +
                           padded(gap.range.first.value) + "-" + padded(gap.range.last.value) + ".json";
  const Status put = objects_.put_if_absent(path, gap_json(gap));
  return put.code() == StatusCode::kAlreadyExists ? ok_status() : put;
}

Result<std::vector<Gap>> GapStore::list(std::string_view name) const {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects_.list(gap_folder(name)));
  std::vector<Gap> gaps;
  for (const engine::ObjectEntry& entry : entries) {
    WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(entry.path));
    WEIR_ASSIGN_OR_RETURN(Gap gap, parse_gap(entry.path, text));
    gaps.push_back(std::move(gap));
  }
  std::ranges::sort(gaps, {}, [](const Gap& gap) { return std::pair(gap.shard, gap.range.first); });
  return gaps;
}

}  // namespace weir::lake
