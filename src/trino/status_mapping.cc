#include "trino/status_mapping.h"

#include <algorithm>
#include <array>
#include <string>

namespace weir::trino {
namespace {

constexpr size_t kMessageBytesMax = 1'000;

struct NamedError {
  std::string_view name;
  StatusCode code;
};

// What a name says more exactly than its type does. Names: io.trino.spi.StandardErrorCode.
constexpr std::array<NamedError, 22> kNamedErrors{{
    {"PERMISSION_DENIED", StatusCode::kPermissionDenied},
    {"NOT_FOUND", StatusCode::kNotFound},
    {"CATALOG_NOT_FOUND", StatusCode::kNotFound},
    {"SCHEMA_NOT_FOUND", StatusCode::kNotFound},
    {"TABLE_NOT_FOUND", StatusCode::kNotFound},
    {"PROCEDURE_NOT_FOUND", StatusCode::kNotFound},
    {"ALREADY_EXISTS", StatusCode::kAlreadyExists},
    {"SCHEMA_ALREADY_EXISTS", StatusCode::kAlreadyExists},
    {"TABLE_ALREADY_EXISTS", StatusCode::kAlreadyExists},
    {"TRANSACTION_CONFLICT", StatusCode::kConflict},
    // Of type USER_ERROR, although the user did nothing wrong.
    {"USER_CANCELED", StatusCode::kUnavailable},
    {"ADMINISTRATIVELY_KILLED", StatusCode::kUnavailable},
    {"ADMINISTRATIVELY_PREEMPTED", StatusCode::kUnavailable},
    {"ABANDONED_QUERY", StatusCode::kUnavailable},
    {"CATALOG_NOT_AVAILABLE", StatusCode::kUnavailable},
    // Of type INSUFFICIENT_RESOURCES, and over in a moment.
    {"QUERY_QUEUE_FULL", StatusCode::kUnavailable},
    {"CLUSTER_OUT_OF_MEMORY", StatusCode::kUnavailable},
    {"EXCEEDED_TIME_LIMIT", StatusCode::kUnavailable},
    // Of type INTERNAL_ERROR: the server, not the statement.
    {"SERVER_STARTING_UP", StatusCode::kUnavailable},
    {"SERVER_SHUTTING_DOWN", StatusCode::kUnavailable},
    {"NO_NODES_AVAILABLE", StatusCode::kUnavailable},
    {"REMOTE_TASK_ERROR", StatusCode::kUnavailable},
}};

StatusCode code_of(const StatementError& error) {
  const auto* named =
      std::find_if(kNamedErrors.begin(), kNamedErrors.end(), [&](const auto& row) { return row.name == error.name; });
  if (named != kNamedErrors.end()) return named->code;
  if (error.type == "USER_ERROR") return StatusCode::kInvalidArgument;
  if (error.type == "INSUFFICIENT_RESOURCES") return StatusCode::kResourceExhausted;
  return StatusCode::kUnavailable;  // INTERNAL_ERROR, EXTERNAL (a catalog's store), and what nobody knows yet.
}

std::string shortened(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.remove_suffix(1);
  if (text.size() <= kMessageBytesMax) return std::string(text);
  return std::string(text.substr(0, kMessageBytesMax)) + "...";
}

}  // namespace

Status from_statement_error(const StatementError& error) {
  const std::string name = error.name.empty() ? "error " + std::to_string(error.code) : error.name;
  return {code_of(error), "Trino: " + name + ": " + shortened(error.message)};
}

Status from_http_status(int http_status, std::string_view body) {
  const std::string text = "HTTP " + std::to_string(http_status) + (body.empty() ? "" : ": ") + shortened(body);
  if (http_status == 401) return permission_denied("Trino refuses the user or the password (" + text + ")");
  if (http_status == 403) return permission_denied("Trino forbids it (" + text + ")");
  if (http_status / 100 == 3) return invalid_argument("the URL redirects; give Trino's own (" + text + ")");
  if (http_status == 404) return invalid_argument("what answers is not Trino (" + text + ")");
  return unavailable("Trino answers " + text);
}

bool is_busy(int http_status) {
  return http_status == 429 || http_status == 502 || http_status == 503 || http_status == 504;
}

}  // namespace weir::trino
