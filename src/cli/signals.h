#pragma once

namespace weir::cli {

/// From now on SIGINT and SIGTERM are noted instead of ending the process; a second one ends it. SIGPIPE is ignored.
void catch_stop_signals();

/// True once SIGINT or SIGTERM came.
[[nodiscard]] bool stop_signal_came();

}  // namespace weir::cli
