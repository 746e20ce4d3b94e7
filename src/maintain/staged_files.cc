#include "maintain/staged_files.h"

#include <algorithm>
#include <string_view>
#include <system_error>

namespace weir::maintain {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kLocalScheme = "file://";

bool is_staged(std::string_view name) {
  const size_t mark = name.rfind('#');
  if (mark == std::string_view::npos || mark == 0 || mark + 1 == name.size()) return false;
  return std::ranges::all_of(name.substr(mark + 1), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::vector<StagedFile> staged_files(const std::string& lake_url, const std::string& folder,
                                     std::chrono::milliseconds age) {
  std::vector<StagedFile> found;
  if (!lake_url.starts_with(kLocalScheme)) return found;
  const auto touched_before = fs::file_time_type::clock::now() - age;
  std::error_code error;
  fs::recursive_directory_iterator entries(fs::path(lake_url.substr(kLocalScheme.size())) / folder,
                                           fs::directory_options::skip_permission_denied, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    if (!is_staged(entries->path().filename().native())) continue;
    std::error_code gone;
    const auto touched = entries->last_write_time(gone);
    if (gone || touched > touched_before || !entries->is_regular_file(gone)) continue;
    const auto size = entries->file_size(gone);
    if (!gone) found.push_back({.path = entries->path(), .size_bytes = static_cast<int64_t>(size)});
  }
  return found;
}

Status remove_staged(const std::vector<StagedFile>& files) {
  for (const StagedFile& file : files) {
    std::error_code error;
    fs::remove(file.path, error);
    if (error) return unavailable(file.path.string() + " cannot be removed: " + error.message());
  }
  return ok_status();
}

}  // namespace weir::maintain
