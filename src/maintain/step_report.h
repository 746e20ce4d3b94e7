#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "maintain/options.h"

namespace weir::maintain {

enum class Outcome : uint8_t {
  kNothing,  ///< There was nothing to do.
  kDone,     ///< Something was changed.
  kWould,    ///< A dry run: something would be changed.
  kSkipped,  ///< Left alone for now; the note says why, and the next maintenance looks again.
  kWarning,  ///< A person should look; the note says what to do.
  kFailed,   ///< The note is the error. What was done before it stays done.
};

/// "nothing", "done", "would", "skipped", "warning", "failed".
[[nodiscard]] std::string_view to_string(Outcome outcome);

/// What one step did to one table. Value type.
struct StepReport {
  std::string table;
  Step step = Step::kCompact;
  Outcome outcome = Outcome::kNothing;
  int64_t files = 0;        ///< That went away, or would: compacted, or deleted. kParts: active parts.
  int64_t files_added = 0;  ///< kCompact: that replaced them; unknown (0) in a dry run.
  int64_t bytes = 0;        ///< Of `files`, compressed.
  int64_t versions = 0;     ///< kCompact: commits made. kCheckpoint: commits it covers. kCleanLog: log entries removed.
  std::string note;         ///< For a person; may be empty.
};

}  // namespace weir::maintain
