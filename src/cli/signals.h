#pragma once

namespace weir::cli {

/// From now on SIGINT and SIGTERM are noted instead of ending the process; a second one ends it. SIGPIPE is ignored.
void catch_stop_signals();

/// True once SIGINT or SIGTERM came.
[[nodiscard]] bool stop_signal_came();

/// From now on SIGHUP is noted instead of ending the process.
void catch_reload_signal();

/// True once after each SIGHUP, or several.
[[nodiscard]] bool take_reload_signal();

}  // namespace weir::cli
