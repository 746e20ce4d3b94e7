#pragma once

#include <weir_engine.h>

#include <string>
#include <string_view>

#include "base/status.h"

namespace weir::engine {

/// The weir_status of one call and its way into a Status. Frees the message. Not thread-safe.
class CallOutcome {
 public:
  CallOutcome() = default;
  ~CallOutcome();
  CallOutcome(const CallOutcome&) = delete;
  CallOutcome& operator=(const CallOutcome&) = delete;

  /// The last argument of a call of the ABI. Use once.
  [[nodiscard]] weir_status* out() { return &status_; }

  [[nodiscard]] bool ok() const { return status_.code == WEIR_OK; }

  /// What the call said, with `context` before the message. A code that this build does not know is kInternal.
  [[nodiscard]] Status status(std::string_view context) const;

 private:
  weir_status status_{};
};

/// The bytes of a buffer that the engine returned; frees it.
[[nodiscard]] std::string take_buffer(weir_buffer buffer);

}  // namespace weir::engine
