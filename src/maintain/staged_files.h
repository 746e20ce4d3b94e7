#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace weir::maintain {

using std::chrono::milliseconds;

/// A file that a write to a local lake left behind: `name#123`, which no listing of objects shows.
struct StagedFile {
  std::filesystem::path path;
  int64_t size_bytes = 0;
};

/// Those below `folder` of a lake that nobody touched for `age`; none for a lake that is not file://. A process that was
/// killed while it wrote leaves them; nothing refers to one, so they may be removed once no write can still be at work on
/// them. Folders that cannot be read are passed over.
[[nodiscard]] std::vector<StagedFile> staged_files(const std::string& lake_url, const std::string& folder,
                                                   milliseconds age);

/// kUnavailable names the first that could not be removed; one that is gone already counts as removed.
[[nodiscard]] Status remove_staged(const std::vector<StagedFile>& files);

}  // namespace weir::maintain
