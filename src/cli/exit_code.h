#pragma once

#include "base/status.h"

namespace weir::cli {

/// The exit codes of the program; public interface.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,      ///< Failed, or interrupted before the goal.
  kWrongUsage = 2,  ///< Wrong arguments or configuration, detectable offline.
  kDifference = 3,  ///< An audit found a difference.
  kFenced = 4,      ///< A newer process owns the shard.
};

/// The exit code of a command that ended with `status`. kInvalidArgument is wrong usage; a server's refusal is not.
[[nodiscard]] int exit_code(const Status& status);

}  // namespace weir::cli
