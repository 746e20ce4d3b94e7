#pragma once

#include <memory>

struct weir_engine;
struct weir_table;
struct weir_snapshot;
struct weir_files;
struct weir_plan;

namespace weir::engine {

/// Frees what the engine handed out. Handles keep what they need alive, so they may be freed in any order.
struct FreeHandle {
  void operator()(weir_engine* handle) const;
  void operator()(weir_table* handle) const;
  void operator()(weir_snapshot* handle) const;
  void operator()(weir_files* handle) const;
  void operator()(weir_plan* handle) const;
};

template <typename T>
using Handle = std::unique_ptr<T, FreeHandle>;

}  // namespace weir::engine
