#include "base/status.h"

namespace weir {

Disposition disposition(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return Disposition::kDone;
    case StatusCode::kUnavailable:
    case StatusCode::kResourceExhausted: return Disposition::kRetry;
    case StatusCode::kConflict:
    case StatusCode::kOutcomeUnknown: return Disposition::kReconcile;
    case StatusCode::kRejected: return Disposition::kRejectRecord;
    case StatusCode::kInvalidArgument:
    case StatusCode::kNotFound:
    case StatusCode::kAlreadyExists:
    case StatusCode::kFenced:
    case StatusCode::kDataLoss:
    case StatusCode::kPermissionDenied:
    case StatusCode::kShuttingDown:
    case StatusCode::kInternal: return Disposition::kStop;
  }
  return Disposition::kStop;
}

std::string_view to_string(StatusCode code) {
  switch (code) {
    case StatusCode::kOk: return "ok";
    case StatusCode::kInvalidArgument: return "invalid argument";
    case StatusCode::kNotFound: return "not found";
    case StatusCode::kAlreadyExists: return "already exists";
    case StatusCode::kConflict: return "conflict";
    case StatusCode::kFenced: return "fenced";
    case StatusCode::kUnavailable: return "unavailable";
    case StatusCode::kOutcomeUnknown: return "outcome unknown";
    case StatusCode::kRejected: return "rejected";
    case StatusCode::kDataLoss: return "data loss";
    case StatusCode::kPermissionDenied: return "permission denied";
    case StatusCode::kResourceExhausted: return "resource exhausted";
    case StatusCode::kShuttingDown: return "shutting down";
    case StatusCode::kInternal: return "internal error";
  }
  return "unknown code";
}

std::string Status::to_string() const {
  if (ok()) return "ok";
  return std::string(weir::to_string(code_)) + ": " + message_;
}

Status Status::with_context(std::string_view context) const {
  if (ok()) return *this;
  return {code_, std::string(context) + ": " + message_};
}

Status invalid_argument(std::string message) { return {StatusCode::kInvalidArgument, std::move(message)}; }
Status not_found(std::string message) { return {StatusCode::kNotFound, std::move(message)}; }
Status already_exists(std::string message) { return {StatusCode::kAlreadyExists, std::move(message)}; }
Status conflict(std::string message) { return {StatusCode::kConflict, std::move(message)}; }
Status fenced(std::string message) { return {StatusCode::kFenced, std::move(message)}; }
Status unavailable(std::string message) { return {StatusCode::kUnavailable, std::move(message)}; }
Status outcome_unknown(std::string message) { return {StatusCode::kOutcomeUnknown, std::move(message)}; }
Status rejected(std::string message) { return {StatusCode::kRejected, std::move(message)}; }
Status data_loss(std::string message) { return {StatusCode::kDataLoss, std::move(message)}; }
Status permission_denied(std::string message) { return {StatusCode::kPermissionDenied, std::move(message)}; }
Status resource_exhausted(std::string message) { return {StatusCode::kResourceExhausted, std::move(message)}; }
Status shutting_down(std::string message) { return {StatusCode::kShuttingDown, std::move(message)}; }
Status internal_error(std::string message) { return {StatusCode::kInternal, std::move(message)}; }

}  // namespace weir
