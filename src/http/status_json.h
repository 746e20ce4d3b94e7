#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "http/status_snapshot.h"

namespace weir {

/// Body of `/api/v1/status`: everything except columns. What is unknown is null. docs/http-api.md describes the fields.
[[nodiscard]] std::string render_status_json(const StatusSnapshot& snapshot);

/// Body of `/api/v1/tables`: {"tables":[{"name","stream","plan_id","shards","columns":[{"name","type","nullable"}]}]}.
[[nodiscard]] std::string render_tables_json(const StatusSnapshot& snapshot);

/// Body of `/readyz`: {"ready":bool,"reasons":[...]}.
[[nodiscard]] std::string render_readiness_json(const StatusSnapshot& snapshot);

/// Member `files` of a table in /api/v1/status.
[[nodiscard]] nlohmann::ordered_json file_totals_json(const FileTotals& files);

}  // namespace weir
