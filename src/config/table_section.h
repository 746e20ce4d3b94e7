#pragma once

#include <optional>
#include <vector>

#include "config/pipeline_config.h"
#include "config/problem.h"
#include "config/toml_document.h"

namespace weir {

struct TableProblems {
  ProblemList* errors;
  ProblemList* warnings;
};

/// Reads every [[table]] with its columns. `tables`: the value of the key `table`, null when the file has none.
/// Problems are reported; what could not be read has its default.
[[nodiscard]] std::vector<TableSection> read_tables(const TomlValue* tables, const LimitsSection& limits,
                                                    bool has_clickhouse, const TableProblems& problems);

}  // namespace weir
