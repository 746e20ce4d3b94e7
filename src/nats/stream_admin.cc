#include "nats/stream_admin.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "nats/subject_match.h"

namespace weir::nats {
namespace {

using nlohmann::json;

/// Pages through a list call and hands every element to `take`.
template <typename Take>
Status list_all(const JetStreamApi& api, const std::string& call, const char* field, Take take) try {
  constexpr int kPagesMax = 10'000;
  int64_t offset = 0;
  for (int page = 0; page < kPagesMax; ++page) {
    WEIR_ASSIGN_OR_RETURN(const json answer, api.call(call, json{{"offset", offset}}, Effect::kReads));
    const json elements = answer.value(field, json::array());
    if (!elements.is_array()) return ok_status();  // null: none
    for (const json& element : elements) take(element);
    offset += static_cast<int64_t>(elements.size());
    if (elements.empty() || offset >= answer.value("total", int64_t{0})) return ok_status();
  }
  return internal_error(call + ": the list has no end");
} catch (const json::exception& unreadable) {
  return internal_error(call + ": unexpected answer: " + unreadable.what());
}

}  // namespace

Result<StreamAdmin> StreamAdmin::open(const Connection& connection) {
  WEIR_ASSIGN_OR_RETURN(JetStreamApi api, JetStreamApi::open(connection));
  return StreamAdmin(std::move(api));
}

Status StreamAdmin::create(const StreamSpec& spec) const {
  const json body = {{"name", spec.name},
                     {"subjects", spec.subjects},
                     {"retention", to_string(spec.retention)},
                     {"storage", spec.file_storage ? "file" : "memory"},
                     {"num_replicas", spec.replicas},
                     {"max_consumers", -1},
                     {"max_msgs", spec.max_messages},
                     {"max_bytes", spec.max_bytes},
                     {"max_age", std::chrono::nanoseconds(spec.max_age).count()},
                     {"max_msgs_per_subject", -1},
                     {"discard", "old"}};
  // The server itself says ok when the same stream is there already, so a repetition after a lost answer is harmless.
  return api_.call("STREAM.CREATE." + spec.name, body, Effect::kReads).status();
}

Result<std::vector<std::string>> StreamAdmin::streams() const {
  std::vector<std::string> names;
  WEIR_RETURN_IF_ERROR(list_all(api_, "STREAM.NAMES", "streams", [&](const json& element) {
    if (element.is_string()) names.push_back(element.get<std::string>());
  }));
  return names;
}

Result<std::vector<ConsumerInfo>> StreamAdmin::consumers(const std::string& stream) const {
  std::vector<ConsumerInfo> found;
  WEIR_RETURN_IF_ERROR(list_all(api_, "CONSUMER.LIST." + stream, "consumers", [&](const json& element) {
    const json delivered = element.value("delivered", json::object());
    found.push_back({element.value("name", std::string()), delivered.value("consumer_seq", int64_t{0}),
                     delivered.value("stream_seq", int64_t{0}), element.value("num_pending", int64_t{0})});
  }));
  return found;
}

Status StreamAdmin::remove(const std::string& stream) const {
  return api_.call("STREAM.DELETE." + stream, nullptr, Effect::kWrites).status();
}

Status StreamAdmin::remove_consumer(const std::string& stream, const std::string& consumer) const {
  return api_.call("CONSUMER.DELETE." + stream + "." + consumer, nullptr, Effect::kWrites).status();
}

Status StreamAdmin::remove_message(const std::string& stream, int64_t seq) const {
  return api_.call("STREAM.MSG.DELETE." + stream, json{{"seq", seq}, {"no_erase", true}}, Effect::kWrites).status();
}

Status StreamAdmin::purge(const std::string& stream, int64_t keep_from) const {
  return api_.call("STREAM.PURGE." + stream, keep_from > 0 ? json{{"seq", keep_from}} : json(), Effect::kWrites)
      .status();
}

Status check_subjects(const StreamInfo& stream, std::span<const std::string> subjects) {
  for (const std::string& subject : subjects) {
    if (!is_valid_pattern(subject)) return invalid_argument("'" + subject + "' is not a subject pattern");
    const auto contains = [&](const std::string& own) { return is_subset(subject, own); };
    if (std::any_of(stream.subjects.begin(), stream.subjects.end(), contains)) continue;
    std::string has;
    for (const std::string& own : stream.subjects) has += (has.empty() ? "" : ", ") + own;
    return invalid_argument("subject " + subject + " is not among those of stream " + stream.name + " (" + has + ")");
  }
  return ok_status();
}

}  // namespace weir::nats
