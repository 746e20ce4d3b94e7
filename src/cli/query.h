#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct QueryOptions {
  std::string file;
  std::string sql;
  std::string format = "table";  ///< table, csv, json, arrow.
};

/// `weir query FILE "SQL"`: DataFusion over the lake's tables at their newest versions.
[[nodiscard]] int query(const GlobalOptions& global, const QueryOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_query(CLI::App& app);

}  // namespace weir::cli
