#include "engine/engine.h"

#include <string>
#include <utility>

#include "engine/status_mapping.h"

namespace weir::engine {

Result<std::unique_ptr<Engine>> Engine::open(const EngineOptions& options) {
  if (const uint32_t there = weir_abi_version(); there != WEIR_ABI_VERSION) {
    return internal_error("libweir_engine.so has ABI version " + std::to_string(there) + ", this program needs " +
                          std::to_string(WEIR_ABI_VERSION) +
                          ": the program and the library come from different builds; install them together");
  }
  const weir_engine_options raw{.worker_threads = options.worker_threads,
                                .memory_limit_bytes = static_cast<uint64_t>(options.memory_limit_bytes)};
  CallOutcome outcome;
  Handle<weir_engine> handle(weir_engine_open(&raw, outcome.out()));
  if (!outcome.ok()) return outcome.status("starting the engine");
  return std::unique_ptr<Engine>(new Engine(std::move(handle)));
}

}  // namespace weir::engine
