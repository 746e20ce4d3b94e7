#pragma once

#include <string_view>

#include "base/status.h"

namespace weir::clickhouse {

/// What a statement may have done when its answer is not a clean success.
enum class Effect {
  kIdempotent,  ///< Reads, and writes that may simply be repeated: an unknown outcome is "try again".
  kInsert,      ///< Rows may be in: only what provably happened before any was written is anything but "unknown".
};

/// A request that got no complete answer, as web::HttpClient says it: the same, but an unknown outcome of
/// Effect::kIdempotent is kUnavailable.
[[nodiscard]] Status from_transport(const Status& transport, Effect effect);

/// An answer other than success. `http_status` as received; `exception_code` from X-ClickHouse-Exception-Code or the
/// body, 0 when neither named one (a proxy answered); `message` is the body.
[[nodiscard]] Status from_exception(int http_status, int exception_code, std::string_view message, Effect effect);

/// Code of an exception that a body carries although the status line said 200 (the server had already begun to answer);
/// 0 when it carries none.
[[nodiscard]] int exception_code_in(std::string_view body);

/// Message with which the statement of an INSERT refuses an epoch that the fence does not hold.
inline constexpr std::string_view kFencedMessage = "fenced";

}  // namespace weir::clickhouse
