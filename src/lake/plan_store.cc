#include "lake/plan_store.h"

#include <nlohmann/json.hpp>

#include "lake/lake_layout.h"

namespace weir::lake {
namespace {

using nlohmann::json;

// A change is the object <effective_from>-<revision>.json: with the revision in the name, a plan that was replaced
// before its first row is replaced by adding an object, and the order of the names is the order in time.
struct StoredChange {
  PlanChange change;
  int64_t revision = 0;
};

Result<StoredChange> parse_change(const std::string& path, const std::string& text) {
  try {
    const json object = json::parse(text);
    return StoredChange{.change = {.effective_from = Seq{object.at("effective_from").get<int64_t>()},
                                   .plan_id = object.at("plan_id").get<std::string>()},
                        .revision = object.at("revision").get<int64_t>()};
  } catch (const json::exception& e) {
    return data_loss(path + " cannot be read: " + e.what());
  }
}

Result<std::vector<StoredChange>> stored_changes(const engine::ObjectStore& objects, std::string_view table,
                                                 int32_t shard) {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(plan_changes_folder(table, shard)));
  std::vector<StoredChange> changes;
  for (const engine::ObjectEntry& entry : entries) {
    WEIR_ASSIGN_OR_RETURN(const std::string text, objects.get(entry.path));
    WEIR_ASSIGN_OR_RETURN(StoredChange change, parse_change(entry.path, text));
    changes.push_back(std::move(change));
  }
  return changes;
}

std::string shard_name(std::string_view table, int32_t shard) {
  return std::string(table) + "/" + std::to_string(shard);
}

}  // namespace

Status PlanStore::record(const Plan& plan, int32_t shard, Seq effective_from) const {
  const std::string plan_id = plan.id();
  WEIR_ASSIGN_OR_RETURN(const auto changes, stored_changes(objects_, plan.table, shard));
  int64_t revision = 0;
  if (!changes.empty()) {
    const StoredChange& newest = changes.back();
    if (newest.change.plan_id == plan_id) return {};
    if (effective_from < newest.change.effective_from) {
      return invalid_argument("a plan of " + shard_name(plan.table, shard) + " cannot take effect at " +
                              to_string(effective_from) + ": the newest one does from " +
                              to_string(newest.change.effective_from));
    }
    if (effective_from == newest.change.effective_from) revision = newest.revision + 1;
  }
  // The plan before the change that names it: a change never points nowhere.
  if (const Status stored = objects_.put_if_absent(plan_path(plan.table, plan_id), to_json(plan));
      !stored.ok() && stored.code() != StatusCode::kAlreadyExists) {
    return stored;
  }
  const json object = {{"plan_id", plan_id}, {"effective_from", effective_from.value}, {"revision", revision}};
  const std::string path = plan_changes_folder(plan.table, shard) + "/" + padded(effective_from.value) + "-" +
                           padded(revision).substr(14) + ".json";
  const Status put = objects_.put_if_absent(path, object.dump());
  if (put.code() != StatusCode::kAlreadyExists) return put;
  // An answer of ours that was lost, or another process that holds the shard now.
  WEIR_ASSIGN_OR_RETURN(const std::string there, objects_.get(path));
  if (there == object.dump()) return {};
  return conflict("another process changed the plan of " + shard_name(plan.table, shard) + " at " +
                  to_string(effective_from));
}

Result<std::shared_ptr<const Plan>> PlanStore::plan_at(std::string_view table, int32_t shard, Seq seq) const {
  WEIR_ASSIGN_OR_RETURN(const auto changes, history(table, shard));
  const PlanChange* in_force = nullptr;
  for (const PlanChange& change : changes) {
    if (change.effective_from <= seq) in_force = &change;
  }
  if (in_force == nullptr) {
    return not_found("no plan of " + shard_name(table, shard) + " is in force at " + to_string(seq));
  }
  return load(table, in_force->plan_id);
}

Result<std::shared_ptr<const Plan>> PlanStore::current(std::string_view table, int32_t shard) const {
  WEIR_ASSIGN_OR_RETURN(const auto changes, history(table, shard));
  if (changes.empty()) return not_found("no plan of " + shard_name(table, shard));
  return load(table, changes.back().plan_id);
}

Result<std::vector<PlanChange>> PlanStore::history(std::string_view table, int32_t shard) const {
  WEIR_ASSIGN_OR_RETURN(const auto stored, stored_changes(objects_, table, shard));
  std::vector<PlanChange> changes;
  for (const StoredChange& next : stored) {
    if (!changes.empty() && changes.back().effective_from == next.change.effective_from) changes.pop_back();
    changes.push_back(next.change);
  }
  return changes;
}

Result<std::shared_ptr<const Plan>> PlanStore::load(std::string_view table, std::string_view plan_id) const {
  const std::string path = plan_path(table, plan_id);
  WEIR_ASSIGN_OR_RETURN(const std::string text, objects_.get(path));
  Result<Plan> plan = plan_from_json(text);
  if (!plan.ok()) return data_loss(path + " is not a plan: " + plan.status().message());
  return std::make_shared<const Plan>(std::move(plan).value());
}

}  // namespace weir::lake
