#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/status.h"

namespace weir::launcher {

/// Who may connect. With an empty name, `default` may do everything from this machine without a password.
struct ServerUser {
  std::string name;          ///< [A-Za-z_][A-Za-z0-9_]* but not `default`: the launcher's own session has no password.
  std::string password_env;  ///< Name of the environment variable that holds the password.
};

/// Writes config.xml and, for a named user, users.xml into `folder` (made if missing) and returns the path of
/// config.xml. The password is not in the files: they refer to an environment variable of this process, which this
/// call sets. `default` stays there without a password, because the engine's own session needs it, with no right but
/// to listen. (Given no configuration at all, the engine would take a config.xml of the current folder.)
/// kInvalidArgument: bad user name, variable missing or empty. kPermissionDenied: the folder cannot be written.
[[nodiscard]] Result<std::filesystem::path> write_server_config(const std::filesystem::path& folder,
                                                                const ServerUser& user);

/// `text` with the five characters that XML reserves replaced by entities.
[[nodiscard]] std::string escape_xml(std::string_view text);

}  // namespace weir::launcher
