#pragma once

#include <nats/nats.h>

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/status.h"

namespace weir::nats {

/// Whether a call whose answer was lost may have changed something.
enum class Effect {
  kReads,   ///< A lost answer is kUnavailable: asking again is harmless.
  kWrites,  ///< A lost answer is kOutcomeUnknown.
};

/// Outcome of a client library call in our terms. `what` says what was tried. NATS_OK is ok.
[[nodiscard]] Status from_nats(natsStatus status, Effect effect, std::string_view what);

/// The `error` object of a JetStream API answer ({code, err_code, description}); ok when there is none.
[[nodiscard]] Status from_api_answer(const nlohmann::json& answer, std::string_view what);

/// One JetStream error by its number (`err_code`), where the answer came without the rest.
[[nodiscard]] Status from_api_error(int err_code, std::string_view description, std::string_view what);

}  // namespace weir::nats
