#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct DeadLetterOptions {
  std::string file;
  std::string table;    ///< Only of this table; empty: of all.
  std::string code;     ///< Only with this code; empty: any.
  int64_t limit = 100;  ///< list: at most this many.
  int64_t seq = 0;      ///< show: which one.
  int32_t row = 0;
};

/// `weir dead-letters FILE list`: the newest rejected events, without their payloads, and how many there are by code.
[[nodiscard]] int list_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options,
                                    const Environment& environment);

/// `weir dead-letters FILE show --table T --seq N`: everything about one, with its payload.
[[nodiscard]] int show_dead_letter(const GlobalOptions& global, const DeadLetterOptions& options,
                                   const Environment& environment);

[[nodiscard]] CommandBody declare_dead_letters(CLI::App& app);

}  // namespace weir::cli
