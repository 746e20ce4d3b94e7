// What a glob means for a table, before anything is written.
#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "app/file_load.h"
#include "backfill/file_input.h"
#include "backfill/file_transform.h"
#include "engine/sql_plan.h"

namespace weir::app {
namespace {

constexpr int32_t kTrialRows = 1'000;

Result<std::vector<std::string>> matching_paths(const std::string& pattern) {
  glob_t found{};
  const int code = ::glob(pattern.c_str(), GLOB_BRACE, nullptr, &found);
  std::vector<std::string> paths;
  for (size_t i = 0; code == 0 && i < found.gl_pathc; ++i) paths.emplace_back(found.gl_pathv[i]);
  ::globfree(&found);
  if (code != 0 && code != GLOB_NOMATCH) return unavailable("--from-files " + pattern + " cannot be looked up");
  if (paths.empty()) return not_found("no file matches --from-files " + pattern);
  for (std::string& path : paths) path = std::filesystem::absolute(path).lexically_normal().string();
  std::ranges::sort(paths);
  return paths;
}

// The column that a reject's pointer is about, for people.
std::string column_of(const Plan& plan, const std::string& pointer) {
  for (const InputColumn& column : plan.input) {
    const std::string from = to_string(column.from);
    if (pointer == from || (pointer.starts_with(from) && pointer[from.size()] == '/')) {
      return "column \"" + column.name + "\"" + (pointer == "/" + column.name ? "" : " (" + pointer + ")");
    }
  }
  return pointer.empty() ? "the whole row" : pointer;
}

class Planner {
 public:
  Planner(const engine::Engine& engine, const PipelineConfig& config, const TableSection& section,
          const FileLoadOptions& options, const std::stop_token& stop)
      : engine_(engine),
        plan_(section.plan),
        options_(options),
        stop_(stop),
        registry_(lake_objects(engine, config)) {}

  Result<std::vector<FileEntry>> run() {
    WEIR_ASSIGN_OR_RETURN(const auto paths, matching_paths(options_.glob));
    WEIR_ASSIGN_OR_RETURN(unfinished_, registry_.unfinished(plan_.table));
    if (!plan_.sql.empty()) {
      WEIR_ASSIGN_OR_RETURN(sql_, engine::SqlPlan::compile(engine_, input_arrow_schema(plan_), plan_.sql));
    }
    std::vector<FileEntry> files;
    for (const std::string& path : paths) {
      FileEntry entry;
      entry.path = path;
      const Status looked_at = look_at(&entry);
      if (looked_at.code() == StatusCode::kShuttingDown || looked_at.code() == StatusCode::kInternal) return looked_at;
      if (!looked_at.ok()) {
        entry.state = FileState::kRefused;
        entry.reason = looked_at.message();
      }
      files.push_back(std::move(entry));
    }
    return files;
  }

 private:
  Status look_at(FileEntry* entry) {
    WEIR_ASSIGN_OR_RETURN(const auto input, backfill::FileInput::open(entry->path));
    entry->size_bytes = input->size_bytes();
    WEIR_ASSIGN_OR_RETURN(entry->digest, input->digest(stop_));
    if (const auto [first, is_new] = first_with_.emplace(entry->digest, entry->path); !is_new) {
      entry->state = FileState::kDuplicate;
      entry->reason = "the same content as " + first->second;
      return ok_status();
    }
    WEIR_RETURN_IF_ERROR(ask_registry(entry));
    if (entry->state == FileState::kLoaded) return ok_status();
    const backfill::FileOrigin origin{.subject = input->base_name(), .time_us = 0};
    WEIR_RETURN_IF_ERROR(check_compression(*input));
    WEIR_ASSIGN_OR_RETURN(const auto reader,
                          backfill::open_file_reader(options_.format, *input, plan_, origin));
    entry->rows = reader->rows();
    entry->notes = reader->notes();
    return entry->state == FileState::kNew ? try_first_rows(*reader) : ok_status();
  }

  Status ask_registry(FileEntry* entry) {
    const auto record = registry_.find(plan_.table, entry->digest);
    if (record.status().code() == StatusCode::kNotFound) return check_not_another_version(*entry);
    WEIR_RETURN_IF_ERROR(record.status());
    entry->shard = record->shard;
    const auto outcome = registry_.outcome(plan_.table, entry->digest);
    if (outcome.ok()) {
      entry->state = FileState::kLoaded;
      entry->known_before = true;
      entry->outcome = *outcome;
      return ok_status();
    }
    if (outcome.status().code() != StatusCode::kNotFound) return outcome.status();
    entry->state = FileState::kBegun;
    if (record->format == backfill::to_string(options_.format)) return ok_status();
    return invalid_argument("its loading was begun with --format " + record->format + ": go on with that");
  }

  // A file of which a part is in must not become another one under the same name without a person knowing.
  Status check_not_another_version(const FileEntry& entry) const {
    const auto begun = std::ranges::find(unfinished_, entry.path, &lake::FileRecord::path);
    if (begun == unfinished_.end()) return ok_status();
    return data_loss("changed since its loading began (digest " + begun->digest + ", now " + entry.digest +
                     "), and is not in as a whole: bring the old content back to finish it (under any name), or give the "
                     "new content another name if it is to be loaded beside what is in");
  }

  // The end of a compressed file tells whether all of it is sound, so it is read to there once.
  Status check_compression(const backfill::FileInput& input) const {
    if (options_.format == backfill::FileFormat::kParquet) return ok_status();
    WEIR_ASSIGN_OR_RETURN(auto text, backfill::FileText::open(input));
    if (!text.compressed()) return ok_status();
    std::string chunk;
    do {
      if (stop_.stop_requested()) return shutting_down("stopped while reading the file");
      chunk.clear();
      WEIR_RETURN_IF_ERROR(text.read(&chunk));
    } while (!chunk.empty());
    return ok_status();
  }

  Status try_first_rows(backfill::FileReader& reader) const {
    transform::SqlRun sql;
    if (sql_ != nullptr) sql = [this](const std::shared_ptr<arrow::RecordBatch>& rows) { return sql_->run(*rows); };
    WEIR_ASSIGN_OR_RETURN(const auto transform, backfill::FileTransform::create(plan_, -1, std::move(sql)));
    WEIR_ASSIGN_OR_RETURN(const auto batch, reader.next({.messages_max = kTrialRows}));
    if (batch->range().empty()) return ok_status();
    WEIR_ASSIGN_OR_RETURN(const auto slice, transform->apply(*batch, batch->range()));
    if (slice->events == 0 || slice->events > static_cast<int64_t>(slice->rejects.size())) return ok_status();
    const Reject& first = slice->rejects.front();
    return invalid_argument("none of its first " + std::to_string(slice->events) + " rows fits the table: row " +
                            to_string(first.seq) + ", " + column_of(plan_, first.pointer) + ": " + first.reason + " (" +
                            first.code + ")");
  }

  const engine::Engine& engine_;
  const Plan& plan_;
  const FileLoadOptions& options_;
  const std::stop_token stop_;
  const lake::FileRegistry registry_;
  std::unique_ptr<engine::SqlPlan> sql_;
  std::vector<lake::FileRecord> unfinished_;
  std::map<std::string, std::string> first_with_;  // Digest -> path of the glob.
};

}  // namespace

Result<std::vector<FileEntry>> plan_files(const engine::Engine& engine, const PipelineConfig& config,
                                          const TableSection& section, const FileLoadOptions& options,
                                          const std::stop_token& stop) {
  return Planner(engine, config, section, options, stop).run();
}

std::string_view to_string(FileState state) {
  switch (state) {
    case FileState::kNew: return "new";
    case FileState::kBegun: return "begun";
    case FileState::kLoaded: return "loaded";
    case FileState::kDuplicate: return "duplicate";
    case FileState::kRefused: return "refused";
    case FileState::kFailed: return "failed";
  }
  return "failed";
}

}  // namespace weir::app
