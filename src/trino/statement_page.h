#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace weir::trino {

/// A column of a result, with its type as Trino spells it, e.g. "timestamp(3) with time zone".
struct ResultColumn {
  std::string name;
  std::string type;
};

/// What Trino says of a statement that failed.
struct StatementError {
  int code = 0;
  std::string name;     ///< "TABLE_NOT_FOUND"
  std::string type;     ///< USER_ERROR, INTERNAL_ERROR, INSUFFICIENT_RESOURCES or EXTERNAL.
  std::string message;  ///< May quote the statement and its data.
};

/// One answer of the statement protocol: https://trino.io/docs/current/develop/client-protocol.html
struct StatementPage {
  std::string query_id;
  std::string next_path;  ///< Path and query of nextUri; empty: the statement has ended.
  std::vector<ResultColumn> columns;
  std::vector<nlohmann::json> rows;  ///< Arrays of values: numbers, text, true, false, null, and arrays of these.
  std::optional<StatementError> error;
};

/// Reads one answer. kUnavailable: it is not one (something else answers at the URL).
[[nodiscard]] Result<StatementPage> parse_statement_page(std::string_view body);

}  // namespace weir::trino
