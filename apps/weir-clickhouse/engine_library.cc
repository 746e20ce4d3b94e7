#include "weir-clickhouse/engine_library.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <iostream>

namespace weir::launcher {
namespace {

template <typename Function>
bool find_symbol(void* library, const char* name, Function*& out) {
  out = reinterpret_cast<Function*>(dlsym(library, name));
  return out != nullptr;
}

std::string read_from_start(int fd) {
  std::string text;
  std::array<char, 4096> chunk{};
  lseek(fd, 0, SEEK_SET);
  for (ssize_t size = 0; (size = read(fd, chunk.data(), chunk.size())) > 0;) {
    text.append(chunk.data(), static_cast<size_t>(size));
  }
  return text;
}

}  // namespace

Result<EngineLibrary> EngineLibrary::open(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return not_found("no ClickHouse engine at " + path.string() +
                     ": run tools/bootstrap.sh, or name libchdb.so by --library or WEIR_CLICKHOUSE_LIBRARY");
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return invalid_argument("cannot load the ClickHouse engine: " + std::string(dlerror()));

  EngineLibrary engine;
  const bool complete = find_symbol(library, "chdb_query_cmdline", engine.query_cmdline_) &&
                        find_symbol(library, "chdb_result_error", engine.result_error_) &&
                        find_symbol(library, "chdb_result_buffer", engine.result_buffer_) &&
                        find_symbol(library, "chdb_result_length", engine.result_length_) &&
                        find_symbol(library, "chdb_destroy_query_result", engine.destroy_result_);
  if (!complete) return invalid_argument(path.string() + " is not the ClickHouse engine: " + std::string(dlerror()));
  return engine;
}

EngineOutcome EngineLibrary::run(const std::vector<std::string>& arguments) const {
  std::vector<std::string> owned = arguments;
  owned.insert(owned.begin(), "clickhouse");
  std::vector<char*> argv;
  argv.reserve(owned.size() + 1);
  for (std::string& argument : owned) argv.push_back(argument.data());
  argv.push_back(nullptr);

  Opaque* result = query_cmdline_(static_cast<int>(owned.size()), argv.data());
  if (result == nullptr) return {.output = {}, .error = "the engine gave no result"};
  EngineOutcome outcome;
  if (const char* error = result_error_(result); error != nullptr) outcome.error = error;
  if (const char* bytes = result_buffer_(result); bytes != nullptr)
    outcome.output.assign(bytes, result_length_(result));
  destroy_result_(result);
  return outcome;
}

EngineOutcome EngineLibrary::run_with_errors(const std::vector<std::string>& arguments) const {
  const int held = memfd_create("held-back-stderr", MFD_CLOEXEC);
  const int original = dup(STDERR_FILENO);
  if (held < 0 || original < 0) return {.output = {}, .error = "no descriptors"};
  dup2(held, STDERR_FILENO);
  EngineOutcome outcome = run(arguments);
  dup2(original, STDERR_FILENO);
  close(original);

  // A failed query and a statement without a result look alike to the caller; only the text tells them apart.
  std::string printed = read_from_start(held);
  close(held);
  if (outcome.error.empty() && printed.find("DB::Exception") != std::string::npos) {
    outcome.error = std::move(printed);
  } else {
    std::cerr << printed;
  }
  return outcome;
}

}  // namespace weir::launcher
