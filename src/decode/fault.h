#pragma once

#include <string>

#include "decode/reject_code.h"

namespace weir {

/// What is wrong with an event: the first thing found, in the order of the payload; a payload that is not JSON says so,
/// whatever its values are. Value type.
struct Fault {
  RejectCode code = RejectCode::kNone;
  std::string pointer;  ///< JSON Pointer or source of the value at fault; empty: the whole payload.
  std::string reason;   ///< For a person; valid UTF-8.

  [[nodiscard]] bool any() const { return code != RejectCode::kNone; }
};

}  // namespace weir
