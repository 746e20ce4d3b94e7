#pragma once

#include <span>

#include "cli/command.h"

namespace weir::cli {

/// The whole program: parses the arguments, runs the command, returns the process's exit code (exit_code.h).
[[nodiscard]] int run(int argc, char** argv);

/// The same with the given commands and surroundings; tests use it.
[[nodiscard]] int run(std::span<const Command> commands, const Environment& environment, int argc,
                      const char* const* argv);

/// Every command of the program, in the order of its help.
[[nodiscard]] std::span<const Command> commands();

}  // namespace weir::cli
