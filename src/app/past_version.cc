#include "app/past_version.h"

#include <set>
#include <string>

#include "maintain/delta_log.h"

namespace weir::app {
namespace {

// Checks versions of one table against one listing of its files.
class VersionFiles {
 public:
  static Result<VersionFiles> list(const engine::ObjectStore& objects, const std::string& table) {
    WEIR_ASSIGN_OR_RETURN(const auto entries, objects.list(table));
    VersionFiles files;
    for (const engine::ObjectEntry& entry : entries) files.there_.insert(entry.path.substr(table.size() + 1));
    return files;
  }

  /// The first file of the version that is not there; empty: all are.
  [[nodiscard]] Result<std::string> missing(const engine::Snapshot& version) const {
    WEIR_ASSIGN_OR_RETURN(const auto described, version.describe(/*with_files=*/true));
    for (const engine::DataFile& file : described.data_files) {
      if (!there_.contains(file.path)) return file.path;
    }
    return std::string();
  }

 private:
  std::set<std::string> there_;
};

bool readable(lake::DeltaLakeTable& table, const VersionFiles& files, int64_t version) {
  const auto snapshot = table.delta_table().snapshot(version);
  if (!snapshot.ok()) return false;
  const auto missing = files.missing(**snapshot);
  return missing.ok() && missing->empty();
}

// By bisection: vacuum and log clean-up both end the older versions first.
std::string oldest_readable(const engine::ObjectStore& objects, lake::DeltaLakeTable& table, const VersionFiles& files) {
  const auto log = maintain::read_delta_log(objects, table.definition().name);
  if (!log.ok() || !log->newest_entry) return "";
  int64_t low = log->oldest_version().value_or(*log->newest_entry);
  int64_t high = *log->newest_entry;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    if (readable(table, files, middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return "; the oldest version that can be read is " + std::to_string(low) + ", the newest " +
         std::to_string(*log->newest_entry);
}

}  // namespace

Result<std::shared_ptr<const LakeSnapshot>> past_snapshot(const engine::ObjectStore& objects, lake::DeltaLakeTable& table,
                                                          const LakeTime& time) {
  const std::string& name = table.definition().name;
  WEIR_ASSIGN_OR_RETURN(const auto files, VersionFiles::list(objects, name));
  auto found = time.version ? table.delta_table().snapshot(*time.version) : table.delta_table().snapshot_at(*time.unix_ms);
  if (found.status().code() == StatusCode::kNotFound) {
    return not_found("table " + name + " has no version " + (time.version ? std::to_string(*time.version) : "that old") +
                     ", or no longer" + oldest_readable(objects, table, files));
  }
  WEIR_RETURN_IF_ERROR(found.status());
  WEIR_ASSIGN_OR_RETURN(const std::string missing, files.missing(**found));
  const int64_t version = (*found)->version();
  if (!missing.empty()) {
    return not_found("version " + std::to_string(version) + " of table " + name + " cannot be read any more: a vacuum deleted " +
                     missing + " of it" + oldest_readable(objects, table, files));
  }
  return table.snapshot_at(version);
}

}  // namespace weir::app
