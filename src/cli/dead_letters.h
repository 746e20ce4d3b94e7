#pragma once

#include <cstdint>
#include <string>

#include "cli/command.h"

namespace weir::cli {

struct DeadLetterOptions {
  std::string file;
  std::string table;     ///< Only of this table; empty: of all.
  std::string code;      ///< Only with this code; empty: any.
  int64_t limit = 100;   ///< list: at most this many.
  bool dropped = false;  ///< list: dropped ones as well.
  int64_t seq = -1;      ///< Which one; below 0: all.
  int32_t row = -1;      ///< Likewise; show: below 0 is 0.
  std::string reason;    ///< drop: why.
  bool dry_run = false;  ///< replay, drop: change nothing.
};

/// `weir dead-letters FILE list`: the newest rejected events, without their payloads, and how many there are by code.
[[nodiscard]] int list_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options,
                                    const Environment& environment);

/// `weir dead-letters FILE show --table T --seq N`: everything about one, with its payload.
[[nodiscard]] int show_dead_letter(const GlobalOptions& global, const DeadLetterOptions& options,
                                   const Environment& environment);

/// `weir dead-letters FILE replay --table T`: through the plan in force, exactly once, with their own identities.
[[nodiscard]] int replay_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options,
                                      const Environment& environment);

/// `weir dead-letters FILE drop --table T --reason R`: nobody has to look at them any more; recorded, not erased.
[[nodiscard]] int drop_dead_letters(const GlobalOptions& global, const DeadLetterOptions& options,
                                    const Environment& environment);

[[nodiscard]] CommandBody declare_dead_letters(CLI::App& app);

}  // namespace weir::cli
