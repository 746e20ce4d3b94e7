#pragma once

#include <string>

#include "cli/command.h"

namespace weir::cli {

struct EraseCommandOptions {
  std::string file;
  std::string table;
  std::string where;   ///< SQL predicate on one row.
  std::string reason;  ///< Kept on record.
  bool dry_run = false;
};

/// `weir erase FILE --table T --where PREDICATE --reason TEXT`: deletes rows from both stores and records it, so that audit
/// and backfill respect it. Repeating the command finishes one that was interrupted.
[[nodiscard]] int erase(const GlobalOptions& global, const EraseCommandOptions& options,
                        const Environment& environment);

[[nodiscard]] CommandBody declare_erase(CLI::App& app);

}  // namespace weir::cli
