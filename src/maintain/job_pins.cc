#include "maintain/job_pins.h"

#include <map>
#include <nlohmann/json.hpp>

#include "lake/lake_layout.h"
#include "maintain/delta_log.h"

namespace weir::maintain {
namespace {

using nlohmann::json;

constexpr const char* kVersionMember = "pinned_version";

Result<json> parse(const std::string& name, const std::string& text) {
  if (text.empty()) return json::object();
  json object = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return data_loss(name + " has a document that is no JSON object; remove the job's folder by hand");
  return object;
}

std::string text_at(const json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

bool ended(const json& progress, const json& control) {
  const std::string state = text_at(progress, "state");
  return state == "done" || state == "cancelled" || state == "failed" || text_at(control, "wish") == "cancel";
}

// "000…3" -> "backfill job 3"
std::string job_name(const std::string& folder) {
  const size_t digits = folder.find_first_not_of('0');
  return "backfill job " + (digits == std::string::npos ? folder : folder.substr(digits));
}

}  // namespace

Result<std::optional<int64_t>> pinned_by(const std::string& name, const JobDocuments& job) {
  WEIR_ASSIGN_OR_RETURN(const json spec, parse(name, job.spec));
  WEIR_ASSIGN_OR_RETURN(const json progress, parse(name, job.progress));
  WEIR_ASSIGN_OR_RETURN(const json control, parse(name, job.control));
  if (ended(progress, control)) return std::optional<int64_t>();
  // Which of the two names the version is the job's affair; the executor's word is the newer one.
  for (const json* document : {&progress, &spec}) {
    const auto version = document->find(kVersionMember);
    if (version != document->end() && version->is_number_integer() && version->get<int64_t>() >= 0) {
      return std::optional(version->get<int64_t>());
    }
  }
  return std::optional<int64_t>();
}

Result<std::vector<PinnedVersion>> pinned_versions(const engine::ObjectReader& objects, const std::string& table) {
  const std::string folder = "_weir/jobs/" + lake::path_segment(table) + "/";
  WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(folder.substr(0, folder.size() - 1)));
  std::map<std::string, JobDocuments> jobs;
  for (const engine::ObjectEntry& entry : entries) {
    const size_t slash = entry.path.find('/', folder.size());
    if (slash == std::string::npos) continue;
    JobDocuments& job = jobs[entry.path.substr(folder.size(), slash - folder.size())];
    const std::string file = entry.path.substr(slash + 1);
    std::string* const document = file == "spec.json"       ? &job.spec
                                  : file == "progress.json" ? &job.progress
                                  : file == "control.json"  ? &job.control
                                                            : nullptr;
    if (document == nullptr) continue;
    WEIR_ASSIGN_OR_RETURN(*document, objects.get(entry.path));
  }
  std::vector<PinnedVersion> pins;
  for (const auto& [number, documents] : jobs) {
    const std::string name = job_name(number);
    WEIR_ASSIGN_OR_RETURN(const auto version, pinned_by(name, documents));
    if (!version) continue;
    WEIR_ASSIGN_OR_RETURN(const auto committed, commit_time_ms(objects, table, *version));
    pins.push_back({.by = name, .version = *version, .committed_ms = committed});
  }
  return pins;
}

}  // namespace weir::maintain
