#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace weir {

/// What happened to a call. The numbers are pinned: the engine's C ABI (rust/include/weir_engine.h) uses the same.
enum class StatusCode : int32_t {
  kOk = 0,
  kInvalidArgument = 1,    ///< Wrong usage or configuration; the same call can never succeed.
  kNotFound = 2,           ///< The named thing is not there.
  kAlreadyExists = 3,      ///< The thing to be created is there already.
  kConflict = 4,           ///< A compare-and-set or an optimistic commit lost against another writer.
  kFenced = 5,             ///< A newer process owns the shard; nothing of ours may become visible any more.
  kUnavailable = 6,        ///< The peer cannot serve now; nothing was done; the same call may succeed later.
  kOutcomeUnknown = 7,     ///< The call may or may not have taken effect; ask the store before going on.
  kRejected = 8,           ///< The data, not the system, is at fault: this record can never be accepted.
  kDataLoss = 9,           ///< Events or rows that must be there are not; a person has to decide.
  kPermissionDenied = 10,  ///< Credentials are missing, wrong or too weak.
  kResourceExhausted = 11, ///< Disk, memory or a quota is full; nothing was done.
  kShuttingDown = 12,      ///< We are stopping; nothing was done.
  kInternal = 13,          ///< Our own defect.
};

/// The one decision each code leads to.
enum class Disposition {
  kDone,          ///< Go on.
  kRetry,         ///< Nothing happened; try the same again after a pause.
  kReconcile,     ///< Something may have happened; resolve against the store first.
  kRejectRecord,  ///< Put the record aside and go on.
  kStop,          ///< Stop this shard and tell a person.
};

[[nodiscard]] Disposition disposition(StatusCode code);
[[nodiscard]] std::string_view to_string(StatusCode code);

/// Outcome of a call without a value. Cheap when ok. Value type, not synchronised.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(StatusCode code, std::string message) : code_(code), message_(std::move(message)) {}

  [[nodiscard]] bool ok() const { return code_ == StatusCode::kOk; }
  [[nodiscard]] StatusCode code() const { return code_; }
  [[nodiscard]] const std::string& message() const { return message_; }
  [[nodiscard]] Disposition disposition() const { return weir::disposition(code_); }

  /// "not found: no stream FLIGHTS"
  [[nodiscard]] std::string to_string() const;

  /// The same code with `context` and ": " before the message. Ok stays ok.
  [[nodiscard]] Status with_context(std::string_view context) const;

 private:
  StatusCode code_ = StatusCode::kOk;
  std::string message_;
};

[[nodiscard]] inline Status ok_status() { return {}; }
[[nodiscard]] Status invalid_argument(std::string message);
[[nodiscard]] Status not_found(std::string message);
[[nodiscard]] Status already_exists(std::string message);
[[nodiscard]] Status conflict(std::string message);
[[nodiscard]] Status fenced(std::string message);
[[nodiscard]] Status unavailable(std::string message);
[[nodiscard]] Status outcome_unknown(std::string message);
[[nodiscard]] Status rejected(std::string message);
[[nodiscard]] Status data_loss(std::string message);
[[nodiscard]] Status permission_denied(std::string message);
[[nodiscard]] Status resource_exhausted(std::string message);
[[nodiscard]] Status shutting_down(std::string message);
[[nodiscard]] Status internal_error(std::string message);

/// A value, or the Status that says why there is none. Requires: a Status put in is not ok.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}       // NOLINT(google-explicit-constructor)
  Result(Status status) : state_(std::in_place_index<1>, std::move(status)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  [[nodiscard]] Status status() const { return ok() ? Status() : std::get<1>(state_); }

  /// Requires: ok().
  [[nodiscard]] T& value() & { return std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Status> state_;
};

}  // namespace weir

// Returns from the enclosing function when `expression` (a Status) is not ok.
#define WEIR_RETURN_IF_ERROR(expression)                       \
  do {                                                         \
    if (::weir::Status weir_status_ = (expression); !weir_status_.ok()) return weir_status_; \
  } while (false)

#define WEIR_CONCAT_INNER(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_INNER(a, b)

// WEIR_ASSIGN_OR_RETURN(auto x, call()): x is the value, or the enclosing function returns the error.
#define WEIR_ASSIGN_OR_RETURN(declaration, expression) \
  WEIR_ASSIGN_OR_RETURN_IMPL(WEIR_CONCAT(weir_result_, __LINE__), declaration, expression)
#define WEIR_ASSIGN_OR_RETURN_IMPL(result, declaration, expression) \
  auto result = (expression);                                       \
  if (!result.ok()) return result.status();                         \
  declaration = std::move(result).value()
