#include "cli/cluster_arguments.h"

#include <ostream>

#include "config/quantity.h"

namespace weir::cli {
namespace {

std::nullopt_t wrong(const std::string& option, const std::string& text, const std::string& what,
                     const Environment& environment) {
  environment.err << "weir: " << option << " " << text << ": " << what << "\n";
  return std::nullopt;
}

}  // namespace

std::optional<std::chrono::seconds> seconds_argument(const std::string& option, const std::string& text,
                                                     const Environment& environment) {
  const auto duration = parse_duration(text);
  if (!duration.ok()) return wrong(option, text, duration.status().message(), environment);
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*duration);
  if (seconds != *duration || seconds.count() < 1 || seconds > std::chrono::hours(24 * 30)) {
    return wrong(option, text, "must be whole seconds, from 1s to 30d", environment);
  }
  return seconds;
}

std::optional<ListenAddress> listen_argument(const std::string& text, const Environment& environment) {
  const auto address = parse_listen_address(text);
  if (!address.ok()) return wrong("--listen", text, address.status().message(), environment);
  if (address->port == 0) return wrong("--listen", text, "needs a port that others can be told", environment);
  if (!is_loopback(address->host)) {
    environment.err << "weir: --listen " << text
                    << ": whoever reaches this port can run plans and read the lake; keep it inside a network you trust\n";
  }
  return *address;
}

std::optional<ListenAddress> scheduler_argument(const std::string& text, const Environment& environment) {
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return wrong("--scheduler", text, "must be http://host:port", environment);
  const auto address = parse_listen_address(std::string_view(text).substr(kScheme.size()));
  if (!address.ok() || address->port == 0) return wrong("--scheduler", text, "must be http://host:port", environment);
  return *address;
}

}  // namespace weir::cli
