#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "app/services.h"
#include "backfill/file_reader.h"
#include "backfill/progress.h"
#include "base/status.h"
#include "config/pipeline_config.h"
#include "lake/file_registry.h"

namespace weir::app {

// Files -> lake (docs/formats/files.md): what a glob means for a table, and loading it.

enum class FileState : uint8_t {
  kNew,        ///< Its content was never loaded.
  kBegun,      ///< Some of its rows may be in; the rest follows.
  kLoaded,     ///< All of it is in: before, or by this call.
  kDuplicate,  ///< Another file of the glob has the same content.
  kRefused,    ///< Nothing of it was written.
  kFailed,     ///< It was begun and is not in as a whole; what is in stays, and another call goes on behind it.
};

/// "new", "begun", "loaded", "duplicate", "refused", "failed".
[[nodiscard]] std::string_view to_string(FileState state);

struct FileEntry {
  std::string path;
  int64_t size_bytes = 0;
  std::string digest;           ///< Empty when it could not be read.
  std::optional<int64_t> rows;  ///< Where the file says so itself.
  FileState state = FileState::kNew;
  bool known_before = false;  ///< kLoaded: by an earlier call.
  int32_t shard = 0;          ///< Below 0 once it is registered.
  std::string reason;         ///< Of kDuplicate, kRefused, kFailed.
  std::vector<std::string> notes;
  lake::FileOutcome outcome;  ///< As far as it is in.
};

struct FileLoadOptions {
  std::string glob;
  backfill::FileFormat format = backfill::FileFormat::kJsonLines;
  int64_t rows_per_second = 0;  ///< Throttle; 0: none.
  /// Called now and then with all files together, on the calling thread. May be empty.
  std::function<void(const backfill::Progress&)> progress;
};

/// Looks at the files of the glob, by path, and writes nothing: content, what the registry knows of it, and whether the
/// first rows fit the table. A file that cannot be loaded is an entry kRefused. kNotFound: no file matches.
[[nodiscard]] Result<std::vector<FileEntry>> plan_files(const engine::Engine& engine, const PipelineConfig& config,
                                                        const TableSection& section, const FileLoadOptions& options,
                                                        const std::stop_token& stop);

/// Loads what is kNew or kBegun, one file after the other, and says in `files` what became of each. An error ends all of
/// it: kFenced: another loader took over. kShuttingDown: stopped; calling again goes on. kUnavailable: NATS, needed for the
/// lease that keeps two loaders apart, or the lake is away.
[[nodiscard]] Status load_files(const PipelineConfig& config, const TableSection& section,
                                const FileLoadOptions& options, Telemetry telemetry, const std::stop_token& stop,
                                std::vector<FileEntry>* files);

}  // namespace weir::app
