#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/status.h"

namespace weir::launcher {

/// What one run of the engine gave. `output` holds the bytes of the result in the format that was asked for.
struct EngineOutcome {
  std::string output;
  std::string error;  ///< Empty when the run succeeded.
};

/// The ClickHouse engine as a shared library (libchdb.so), loaded at run time: it is 560 MB that no other part of Weir
/// needs. Never unloaded, because its threads and static state cannot be taken down. Value type; one run per process.
class EngineLibrary {
 public:
  /// Loads `path`. The engine's threads inherit the caller's signal mask.
  /// kNotFound: no such file. kInvalidArgument: a file that is not the engine.
  [[nodiscard]] static Result<EngineLibrary> open(const std::filesystem::path& path);

  /// Runs `clickhouse local` with `arguments` (without the program's name) and returns when it ends. The engine itself
  /// prints most errors to stderr and does not report them: `error` is empty then.
  [[nodiscard]] EngineOutcome run(const std::vector<std::string>& arguments) const;

  /// The same, but what the engine prints to stderr is held back and becomes `error` if it contains an exception.
  /// Not thread-safe: stderr of the whole process is diverted meanwhile.
  [[nodiscard]] EngineOutcome run_with_errors(const std::vector<std::string>& arguments) const;

 private:
  struct Opaque;  // The engine's result; only its accessors know what is inside.

  Opaque* (*query_cmdline_)(int, char**) = nullptr;
  const char* (*result_error_)(Opaque*) = nullptr;
  const char* (*result_buffer_)(Opaque*) = nullptr;
  size_t (*result_length_)(Opaque*) = nullptr;
  void (*destroy_result_)(Opaque*) = nullptr;
};

}  // namespace weir::launcher
