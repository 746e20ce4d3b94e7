#include "cluster/committable_store.h"

namespace weir::cluster {

Status LakeCommittables::put(const std::string& job, const Committable& committable) {
  const std::string name = std::to_string(committable.part.number) + "-" + committable.execution + ".json";
  const std::string text = to_json(committable);
  Status stored = objects_.put_if_absent(folder_ + "/" + job + "/" + name, text);
  // Nobody else has this execution's id: what is there is ours, from an attempt whose answer was lost.
  return stored.code() == StatusCode::kAlreadyExists ? ok_status() : stored;
}

Result<std::vector<Committable>> LakeCommittables::of_job(const std::string& job) {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects_.list(folder_ + "/" + job));
  std::vector<Committable> left;
  for (const auto& entry : entries) {
    const auto text = objects_.get(entry.path);
    auto read = text.ok() ? committable_from_json(*text) : Result<Committable>(text.status());
    // Gone again, or nothing that we can read: the part counts as not done.
    if (!read.ok()) return unavailable(entry.path + ": " + read.status().to_string());
    left.push_back(std::move(*read));
  }
  return left;
}

Status LakeCommittables::remove(const std::string& job) { return remove_below(folder_ + "/" + job); }

Status LakeCommittables::sweep() { return remove_below(folder_); }

Status LakeCommittables::remove_below(const std::string& folder) {
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects_.list(folder));
  for (const auto& entry : entries) WEIR_RETURN_IF_ERROR(objects_.remove(entry.path));
  return ok_status();
}

}  // namespace weir::cluster
