#include "nats/status_mapping.h"

#include <nlohmann/json.hpp>
#include <string>

namespace weir::nats {
namespace {

StatusCode lost_answer(Effect effect) {
  return effect == Effect::kWrites ? StatusCode::kOutcomeUnknown : StatusCode::kUnavailable;
}

StatusCode code_of(natsStatus status, Effect effect) {
  switch (status) {
    case NATS_OK: return StatusCode::kOk;
    // Sent, perhaps, and not answered.
    case NATS_TIMEOUT:
    case NATS_CONNECTION_DISCONNECTED:
    case NATS_IO_ERROR:
    case NATS_STALE_CONNECTION: return lost_answer(effect);
    // Nobody took it.
    case NATS_CONNECTION_CLOSED:
    case NATS_NO_SERVER:
    case NATS_NO_RESPONDERS:
    case NATS_INSUFFICIENT_BUFFER:
    case NATS_DRAINING:
    case NATS_NOT_YET_CONNECTED:
    case NATS_SLOW_CONSUMER:
    case NATS_MISSED_HEARTBEAT: return StatusCode::kUnavailable;
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED: return StatusCode::kPermissionDenied;
    case NATS_NOT_FOUND: return StatusCode::kNotFound;
    // Wrong once is wrong for ever: configuration, certificates, names.
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_WANTED:
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_ADDRESS_MISSING:
    case NATS_INVALID_SUBJECT:
    case NATS_INVALID_ARG:
    case NATS_INVALID_TIMEOUT:
    case NATS_NO_SERVER_SUPPORT: return StatusCode::kInvalidArgument;
    case NATS_MAX_PAYLOAD: return StatusCode::kRejected;
    case NATS_NO_MEMORY: return StatusCode::kResourceExhausted;
    default: return effect == Effect::kWrites ? StatusCode::kOutcomeUnknown : StatusCode::kInternal;
  }
}

StatusCode code_of_api_error(int http_like_code, int err_code) {
  switch (err_code) {
    case JSStreamWrongLastSequenceErr: return StatusCode::kConflict;
    case JSStreamNameExistErr:
    case JSConsumerNameExistErr: return StatusCode::kAlreadyExists;
    case JSStreamNotFoundErr:
    case JSConsumerNotFoundErr:
    case JSNoMessageFoundErr:
    case JSSequenceNotFoundErr: return StatusCode::kNotFound;
    case JSNotEnabledErr:
    case JSNotEnabledForAccountErr: return StatusCode::kInvalidArgument;
    case JSStreamMessageExceedsMaximumErr: return StatusCode::kRejected;
    case JSInsufficientResourcesErr:
    case JSMemoryResourcesExceededErr:
    case JSStorageResourcesExceededErr:
    case JSAccountResourcesExceededErr:
    case JSMaximumConsumersLimitErr:
    case JSMaximumStreamsLimitErr: return StatusCode::kResourceExhausted;
    default: break;
  }
  if (http_like_code == 404) return StatusCode::kNotFound;
  if (http_like_code == 401 || http_like_code == 403) return StatusCode::kPermissionDenied;
  if (http_like_code >= 400 && http_like_code < 500) return StatusCode::kInvalidArgument;
  return StatusCode::kUnavailable;
}

Status api_error(StatusCode code, int err_code, std::string_view description, std::string_view what) {
  std::string message(what);
  message.append(": ").append(description).append(" (JetStream error ").append(std::to_string(err_code)).append(")");
  return {code, std::move(message)};
}

}  // namespace

Status from_nats(natsStatus status, Effect effect, std::string_view what) {
  if (status == NATS_OK) return ok_status();
  std::string message(what);
  message += ": ";
  message += natsStatus_GetText(status);
  natsStatus recorded = NATS_OK;
  // The thread's last error carries the detail (which certificate, which file), if it is about this failure.
  const char* detail = nats_GetLastError(&recorded);
  if (detail != nullptr && *detail != '\0' && recorded == status) message += std::string(" (") + detail + ")";
  return {code_of(status, effect), std::move(message)};
}

Status from_api_answer(const nlohmann::json& answer, std::string_view what) try {
  const auto error = answer.find("error");
  if (error == answer.end()) return ok_status();
  const int number = error->value("err_code", 0);
  const StatusCode code = code_of_api_error(error->value("code", 500), number);
  return api_error(code, number, error->value("description", std::string("no description")), what);
} catch (const nlohmann::json::exception& unreadable) {
  return internal_error(std::string(what) + ": unreadable error in the server's answer: " + unreadable.what());
}

Status from_api_error(int err_code, std::string_view description, std::string_view what) {
  return api_error(code_of_api_error(/*http_like_code=*/500, err_code), err_code, description, what);
}

}  // namespace weir::nats
