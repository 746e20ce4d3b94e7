#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>

namespace weir::test {

/// An empty local lake below the system's temporary folder; removed with everything in it at the end. Requires that the
/// folder can be made: url() is empty otherwise, and the first use of it fails.
class LakeFolder {
 public:
  LakeFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "weir_lake_XXXXXX").string();
    if (::mkdtemp(name.data()) != nullptr) path_ = name;
  }
  ~LakeFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  LakeFolder(const LakeFolder&) = delete;
  LakeFolder& operator=(const LakeFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::string url() const { return path_.empty() ? "" : "file://" + path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace weir::test
