#include "cluster/committable.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <random>

namespace weir::cluster {
namespace {

using Json = nlohmann::ordered_json;

// Grows when a reader of the old text would misunderstand the new one.
constexpr int kFormat = 1;

Json json_of(const Part& part) {
  return {{"number", part.number}, {"first", part.range.first.value}, {"last", part.range.last.value}};
}

Part part_of(const Json& object) {
  return {.number = object.at("number").get<int32_t>(),
          .range = {Seq{object.at("first").get<int64_t>()}, Seq{object.at("last").get<int64_t>()}}};
}

// Columns are written as a plan writes them.
Json json_of(const std::vector<InputColumn>& columns) {
  Plan plan;
  plan.table = "columns";
  plan.input = columns;
  return Json::parse(to_json(plan));
}

std::vector<InputColumn> columns_of(const Json& plan) {
  auto read = plan_from_json(plan.dump());
  if (!read.ok()) throw Json::other_error::create(501, read.status().message(), &plan);
  return std::move(read->input);
}

template <typename Read>
auto parsed(const char* what, std::string_view text, Read read) -> Result<decltype(read(Json()))> {
  try {
    return read(Json::parse(text));
  } catch (const Json::exception& e) {
    return data_loss(std::string(what) + " cannot be read: " + e.what());
  }
}

}  // namespace

std::string to_json(const Part& part) { return json_of(part).dump(); }

// Failures quote peers: bytes that are no UTF-8 are replaced.
std::string to_json(const Committable& committable) {
  Json object{{"format", kFormat}, {"part", json_of(committable.part)}, {"execution", committable.execution}};
  if (!committable.failure.ok()) {
    object["failure"] = {{"code", static_cast<int32_t>(committable.failure.code())},
                         {"message", committable.failure.message()}};
  } else {
    object["events"] = committable.events;
    object["filtered"] = committable.filtered;
    object["rejects"] = committable.staged.rejects;
    object["first_time_us"] = committable.first_time_us;
    object["last_time_us"] = committable.last_time_us;
    object["last_event"] = committable.last_event.value;
    object["files"] = committable.staged.files;
    object["reject_files"] = committable.staged.reject_files;
    if (committable.ends_plan_after) {
      object["ends_plan_after"] = committable.ends_plan_after->value;
      object["new_columns"] = json_of(committable.new_columns);
    }
  }
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Part> part_from_json(std::string_view text) { return parsed("a part of a job", text, part_of); }

Result<Committable> committable_from_json(std::string_view text) {
  return parsed("a committable", text, [](const Json& object) {
    if (const int format = object.at("format").get<int>(); format != kFormat) {
      throw Json::other_error::create(501, "format " + std::to_string(format) + ", this program reads " + std::to_string(kFormat),
                                      &object);
    }
    Committable read{.part = part_of(object.at("part")), .execution = object.at("execution").get<std::string>()};
    if (const auto failure = object.find("failure"); failure != object.end()) {
      const auto code = failure->at("code").get<int32_t>();
      const bool known = code > 0 && code <= static_cast<int32_t>(StatusCode::kInternal);
      read.failure = Status(known ? static_cast<StatusCode>(code) : StatusCode::kInternal, failure->at("message").get<std::string>());
      return read;
    }
    read.events = object.at("events").get<int64_t>();
    read.filtered = object.at("filtered").get<int64_t>();
    read.staged.rejects = object.at("rejects").get<int64_t>();
    read.first_time_us = object.at("first_time_us").get<int64_t>();
    read.last_time_us = object.at("last_time_us").get<int64_t>();
    read.last_event = Seq{object.at("last_event").get<int64_t>()};
    read.staged.files = object.at("files").get<std::vector<std::string>>();
    read.staged.reject_files = object.at("reject_files").get<std::vector<std::string>>();
    if (const auto after = object.find("ends_plan_after"); after != object.end()) {
      read.ends_plan_after = Seq{after->get<int64_t>()};
      read.new_columns = columns_of(object.at("new_columns"));
    }
    return read;
  });
}

std::vector<Part> split(SeqRange range, int32_t parts_max, int64_t sequences_min) {
  const int64_t length = range.length();
  const int64_t count = std::clamp<int64_t>(length / sequences_min, 1, parts_max);
  std::vector<Part> parts;
  for (int64_t i = 0; i < count; ++i) {
    // length * count fits: nobody has 2^31 tasks for a range of 2^32.
    parts.push_back({.number = static_cast<int32_t>(i),
                     .range = {range.first + length * i / count, range.first + (length * (i + 1) / count - 1)}});
  }
  return parts;
}

Result<std::shared_ptr<Slice>> assemble(const std::vector<Part>& parts, const std::vector<Committable>& left,
                                        std::vector<InputColumn>* new_columns) {
  new_columns->clear();
  auto slice = std::make_shared<Slice>();
  auto staged = std::make_shared<StagedSlice>();
  slice->range = {parts.front().range.first, parts.back().range.last};
  for (const Part& part : parts) {
    const Committable* picked = nullptr;
    for (const Committable& candidate : left) {
      if (candidate.part != part) continue;
      // Any that succeeded: they hold the same rows.
      if (picked == nullptr || (!picked->failure.ok() && candidate.failure.ok())) picked = &candidate;
    }
    const std::string name = "part " + std::to_string(part.number) + " (" + to_string(part.range) + ")";
    if (picked == nullptr) {
      return unavailable(name + " was done by no executor, or by one that left no word of it here: is lake.url the same place for all?");
    }
    if (!picked->failure.ok()) return picked->failure.with_context(name);
    slice->events += picked->events;
    slice->filtered += picked->filtered;
    staged->rejects += picked->staged.rejects;
    for (const auto& file : picked->staged.files) staged->files.push_back(file);
    for (const auto& file : picked->staged.reject_files) staged->reject_files.push_back(file);
    if (slice->first_time_us == 0) slice->first_time_us = picked->first_time_us;
    if (picked->last_event.value > 0) {
      slice->last_event = picked->last_event;
      slice->last_time_us = picked->last_time_us;
    }
    if (picked->ends_plan_after) {
      slice->range.last = *picked->ends_plan_after;
      slice->ends_plan = true;
      *new_columns = picked->new_columns;
      break;
    }
  }
  for (const auto& file : staged->files) slice->bytes += static_cast<int64_t>(file.size());
  for (const auto& file : staged->reject_files) slice->bytes += static_cast<int64_t>(file.size());
  slice->staged = std::move(staged);
  return slice;
}

std::string new_id() {
  std::random_device random;
  std::string id(32, '0');
  for (size_t i = 0; i < id.size(); i += 8) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", random());
    id.replace(i, 8, digits);
  }
  return id;
}

}  // namespace weir::cluster
