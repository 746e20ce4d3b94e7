#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct QueryOptions {
  std::string file;
  std::string sql;
  std::string format = "table";    ///< table, csv, json, arrow.
  std::optional<int64_t> version;  ///< Of the tables in the SQL; empty: the newest.
  std::string at;                  ///< RFC 3339: the tables as they were then; excludes version.
  std::string engine = "local";    ///< local, or ballista: on the cluster of engine.scheduler.
  std::string timeout = "10m";     ///< Of a query on a cluster.
};

/// `weir query FILE "SQL"`: DataFusion over the lake's tables, at their newest versions or at past ones.
[[nodiscard]] int query(const GlobalOptions& global, const QueryOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_query(CLI::App& app);

}  // namespace weir::cli
