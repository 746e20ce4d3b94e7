#include "trino/generated_files.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>

#include "base/digest.h"

namespace weir::trino {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRecord = ".weir-files.json";

std::optional<std::string> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// Under another name first: a reader, and a process killed here, finds the old text or the new one.
Status write_file(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  const fs::path unfinished = path.string() + ".part";
  std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
  out << text;
  out.close();
  if (!out) return unavailable("cannot write " + path.string());
  fs::rename(unfinished, path, error);
  return error ? unavailable("cannot write " + path.string() + ": " + error.message()) : ok_status();
}

// Digest of what was written last, by path. A record that cannot be read makes every file a user's: nothing is lost.
std::map<std::string, std::string> read_record(const fs::path& folder) {
  std::map<std::string, std::string> record;
  const auto json = nlohmann::json::parse(read_file(folder / kRecord).value_or(""), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return record;
  for (const auto& [path, digest] : json.items()) {
    if (digest.is_string()) record[path] = digest.get<std::string>();
  }
  return record;
}

}  // namespace

std::string_view to_string(FileOutcome outcome) {
  switch (outcome) {
    case FileOutcome::kWritten: return "written";
    case FileOutcome::kUnchanged: return "unchanged";
    case FileOutcome::kKept: return "kept";
  }
  return "?";
}

Result<std::vector<FileReport>> write_files(const std::string& folder, const std::vector<GeneratedFile>& files) {
  const fs::path root(folder);
  std::map<std::string, std::string> record = read_record(root);
  std::vector<FileReport> reports;
  for (const GeneratedFile& file : files) {
    const fs::path path = root / file.path;
    const std::optional<std::string> there = read_file(path);
    FileReport report{.path = file.path, .outcome = FileOutcome::kWritten};
    if (there == file.text) {
      report.outcome = FileOutcome::kUnchanged;
    } else if (there && record[file.path] != digest_hex(*there)) {
      report.outcome = FileOutcome::kKept;
      WEIR_RETURN_IF_ERROR(write_file(path.string() + ".new", file.text));
    } else {
      WEIR_RETURN_IF_ERROR(write_file(path, file.text));
    }
    if (report.outcome != FileOutcome::kKept) record[file.path] = digest_hex(file.text);
    reports.push_back(std::move(report));
  }
  WEIR_RETURN_IF_ERROR(write_file(root / kRecord, nlohmann::json(record).dump(2) + "\n"));
  return reports;
}

}  // namespace weir::trino
