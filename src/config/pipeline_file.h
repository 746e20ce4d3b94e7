#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/pipeline_config.h"
#include "config/problem.h"

namespace weir {

/// What came of reading a pipeline file. `config` is there exactly when `errors` is empty.
struct ParsedPipelineFile {
  std::optional<PipelineConfig> config;
  std::vector<ConfigProblem> errors;    ///< All of them, by line; only a syntax error hides the others.
  std::vector<ConfigProblem> warnings;  ///< What is understood but has no effect.
};

/// Checks everything that can be checked offline, SQL excepted (resolve_rows.h). Reads no environment variable and no
/// file. `file` is the name used in messages.
[[nodiscard]] ParsedPipelineFile parse_pipeline_file(std::string_view text, const std::string& file);

/// Reads and parses. A file that cannot be read, or is larger than 4 MiB, is one error.
[[nodiscard]] ParsedPipelineFile load_pipeline_file(const std::string& path);

/// All problems, one a line, as one kInvalidArgument; ok when there are none.
[[nodiscard]] Status to_status(const std::vector<ConfigProblem>& errors);

}  // namespace weir
