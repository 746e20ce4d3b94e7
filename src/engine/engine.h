#pragma once

#include <cstdint>
#include <memory>

#include "base/status.h"
#include "engine/handles.h"

namespace weir::engine {

struct EngineOptions {
  uint32_t worker_threads = 0;                    ///< 0: one per core.
  int64_t memory_limit_bytes = int64_t{1} << 30;  ///< Of queries and compaction; beyond it they spill to disk.
};

/// The Rust engine: worker threads, memory limit, object stores. One per process is enough. Owned by the composition
/// root; tables, plans and streams made from it may outlive it, ObjectStore may not. Destroying it waits at most five
/// seconds for background work. Thread-safe.
class Engine {
 public:
  /// kInternal when the library at hand speaks another version of the ABI than the one this program was built with.
  [[nodiscard]] static Result<std::unique_ptr<Engine>> open(const EngineOptions& options);

  /// For this module's use. Never null.
  [[nodiscard]] weir_engine* handle() const { return handle_.get(); }

 private:
  explicit Engine(Handle<weir_engine> handle) : handle_(std::move(handle)) {}

  const Handle<weir_engine> handle_;
};

}  // namespace weir::engine
