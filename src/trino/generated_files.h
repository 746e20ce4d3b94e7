#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir::trino {

/// A file that Weir makes for a user to take from there.
struct GeneratedFile {
  std::string path;  ///< Relative, with '/'.
  std::string text;
};

enum class FileOutcome : uint8_t {
  kWritten,
  kUnchanged,  ///< Says this already.
  kKept,       ///< A user changed or made it: left alone, and what it would be stands beside it in `<path>.new`.
};
[[nodiscard]] std::string_view to_string(FileOutcome outcome);

struct FileReport {
  std::string path;
  FileOutcome outcome = FileOutcome::kWritten;
};

/// Writes the files below `folder`, each at once. `.weir-files.json` there remembers what was written, so that a file that
/// somebody changed since is never overwritten. An error names the file.
[[nodiscard]] Result<std::vector<FileReport>> write_files(const std::string& folder,
                                                          const std::vector<GeneratedFile>& files);

}  // namespace weir::trino
