#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/command.h"
#include "config/endpoint.h"

namespace weir::cli {

// Arguments of the cluster's commands. Each of these says on err what is wrong, naming the option, and returns nothing.

/// A duration of whole seconds, at least one.
[[nodiscard]] std::optional<std::chrono::seconds> seconds_argument(const std::string& option, const std::string& text,
                                                                   const Environment& environment);

/// host:port with a port that is not 0. Off loopback it goes on with a warning: what listens there asks nobody who he is.
[[nodiscard]] std::optional<ListenAddress> listen_argument(const std::string& text, const Environment& environment);

/// The host and port of http://host:port.
[[nodiscard]] std::optional<ListenAddress> scheduler_argument(const std::string& text, const Environment& environment);

}  // namespace weir::cli
