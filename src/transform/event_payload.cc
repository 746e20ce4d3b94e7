#include "transform/event_payload.h"

namespace weir::transform {

std::string_view event_payload(PayloadFormat format, std::string_view payload, int32_t row) {
  if (format != PayloadFormat::kNdjson) return payload;
  // As the decoder: ordinals count every line, blank ones too.
  std::string_view rest = payload;
  for (int32_t line = 0; !rest.empty(); ++line) {
    const size_t end = rest.find('\n');
    if (line == row) return rest.substr(0, end);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return payload;
}

}  // namespace weir::transform
