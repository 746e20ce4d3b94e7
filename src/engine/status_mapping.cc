#include "engine/status_mapping.h"

namespace weir::engine {
namespace {

constexpr bool same(StatusCode ours, int theirs) { return static_cast<int>(ours) == theirs; }

static_assert(same(StatusCode::kOk, WEIR_OK));
static_assert(same(StatusCode::kInvalidArgument, WEIR_INVALID_ARGUMENT));
static_assert(same(StatusCode::kNotFound, WEIR_NOT_FOUND));
static_assert(same(StatusCode::kAlreadyExists, WEIR_ALREADY_EXISTS));
static_assert(same(StatusCode::kConflict, WEIR_CONFLICT));
static_assert(same(StatusCode::kFenced, WEIR_FENCED));
static_assert(same(StatusCode::kUnavailable, WEIR_UNAVAILABLE));
static_assert(same(StatusCode::kOutcomeUnknown, WEIR_OUTCOME_UNKNOWN));
static_assert(same(StatusCode::kRejected, WEIR_REJECTED));
static_assert(same(StatusCode::kDataLoss, WEIR_DATA_LOSS));
static_assert(same(StatusCode::kPermissionDenied, WEIR_PERMISSION_DENIED));
static_assert(same(StatusCode::kResourceExhausted, WEIR_RESOURCE_EXHAUSTED));
static_assert(same(StatusCode::kShuttingDown, WEIR_SHUTTING_DOWN));
static_assert(same(StatusCode::kInternal, WEIR_INTERNAL));

}  // namespace

CallOutcome::~CallOutcome() { weir_buffer_free(&status_.message); }

Status CallOutcome::status(std::string_view context) const {
  if (ok()) return {};
  std::string message(status_.message.data == nullptr ? "" : status_.message.data, status_.message.size);
  if (status_.code < WEIR_OK || status_.code > WEIR_INTERNAL) {
    message = "the engine answered with the unknown code " + std::to_string(status_.code) + ": " + message;
    return internal_error(std::move(message)).with_context(context);
  }
  return Status(static_cast<StatusCode>(status_.code), std::move(message)).with_context(context);
}

std::string take_buffer(weir_buffer buffer) {
  std::string bytes;
  if (buffer.data != nullptr) bytes.assign(buffer.data, buffer.size);
  weir_buffer_free(&buffer);
  return bytes;
}

}  // namespace weir::engine
