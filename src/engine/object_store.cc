#include "engine/object_store.h"

#include <nlohmann/json.hpp>

#include "engine/status_mapping.h"

namespace weir::engine {
namespace {

Status put_object(const Engine& engine, const std::string& lake_url, bool sync, const std::string& path,
                  std::string_view bytes, weir_put_mode mode) {
  const weir_store_options store{.sync = sync};
  CallOutcome outcome;
  weir_object_put(engine.handle(), lake_url.c_str(), &store, path.c_str(), bytes.data(), bytes.size(), mode,
                  outcome.out());
  return outcome.status("storing " + path);
}

}  // namespace

Status ObjectStore::put_if_absent(const std::string& path, std::string_view bytes) const {
  return put_object(*engine_, lake_url_, sync_, path, bytes, WEIR_PUT_CREATE);
}

Status ObjectStore::put(const std::string& path, std::string_view bytes) const {
  return put_object(*engine_, lake_url_, sync_, path, bytes, WEIR_PUT_OVERWRITE);
}

Result<std::string> ObjectStore::get(const std::string& path) const {
  CallOutcome outcome;
  std::string bytes = take_buffer(weir_object_get(engine_->handle(), lake_url_.c_str(), path.c_str(), outcome.out()));
  if (!outcome.ok()) return outcome.status("reading " + path);
  return bytes;
}

Status ObjectStore::remove(const std::string& path) const {
  const weir_store_options store{.sync = sync_};
  CallOutcome outcome;
  weir_object_delete(engine_->handle(), lake_url_.c_str(), &store, path.c_str(), outcome.out());
  return outcome.status("removing " + path);
}

Result<std::vector<ObjectEntry>> ObjectStore::list(const std::string& prefix) const {
  CallOutcome outcome;
  const std::string text =
      take_buffer(weir_object_list(engine_->handle(), lake_url_.c_str(), prefix.c_str(), outcome.out()));
  if (!outcome.ok()) return outcome.status("listing " + prefix);
  try {
    std::vector<ObjectEntry> entries;
    for (const auto& object : nlohmann::json::parse(text)) {
      entries.push_back({object.at("path").get<std::string>(), object.at("size").get<int64_t>()});
    }
    return entries;
  } catch (const nlohmann::json::exception& e) {
    return internal_error("the engine listed objects in an unexpected way: " + std::string(e.what()));
  }
}

Status ObjectStore::probe_put_if_absent(const std::string& path) const {
  const Status first = put_if_absent(path, "probe");
  if (!first.ok() && first.code() != StatusCode::kAlreadyExists) return first;
  const Status second = put_if_absent(path, "probe");
  if (second.code() == StatusCode::kAlreadyExists) return {};
  if (!second.ok()) return second;
  return invalid_argument("the store at " + lake_url_ +
                          " overwrites objects that it was asked to create only when absent (If-None-Match: *); a lake "
                          "on it could lose commits. Use a store that honours If-None-Match");
}

}  // namespace weir::engine
