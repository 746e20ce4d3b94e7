#pragma once

#include <cstdint>
#include <string_view>

#include "schema/table_schema.h"

namespace weir::transform {

/// The bytes of the event with ordinal `row` inside a message's payload, as the decoder counts them: one line of
/// ndjson, otherwise the whole payload. Views `payload`; the whole of it when there is no such line.
[[nodiscard]] std::string_view event_payload(PayloadFormat format, std::string_view payload, int32_t row);

}  // namespace weir::transform
