#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct AuditOptions {
  std::string file;
  std::string table;      ///< Only this one; empty: all.
  int64_t from_seq = -1;  ///< Only these sequences; -1: from the first, to the last.
  int64_t to_seq = -1;
  bool no_stream = false;  ///< Do not read the stream again.
  bool heal = false;       ///< Insert what ClickHouse lacks.
};

/// `weir audit FILE`: proves that stream, lake, dead letters and ClickHouse agree, or names where they do not (exit 3).
[[nodiscard]] int audit(const GlobalOptions& global, const AuditOptions& options, const Environment& environment);

[[nodiscard]] CommandBody declare_audit(CLI::App& app);

}  // namespace weir::cli
