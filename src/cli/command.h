#pragma once

#include <functional>
#include <iosfwd>
#include <string_view>

#include "config/resolve_rows.h"
#include "telemetry/log.h"

namespace CLI {
class App;
}

namespace weir::cli {

/// Options every command has; they may stand before or after the command's name.
struct GlobalOptions {
  bool json = false;  ///< Results for machines.
  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
};

/// What commands get from outside. References outlive the command.
struct Environment {
  std::ostream& out;     ///< Results.
  std::ostream& err;     ///< Messages.
  SqlChecker check_sql;  ///< Compiles SQL without connecting to anything.
};

/// What a declared command does once its arguments are parsed; returns an exit code.
using CommandBody = std::function<int(const GlobalOptions&, const Environment&)>;

/// One row of the command table. A command `x` lives in x.h and x.cc: a struct of its options, a function
/// `int x(const GlobalOptions&, const XOptions&, const Environment&)` that does it, and `declare_x`, which puts the
/// options on its sub-command.
struct Command {
  std::string_view name;
  std::string_view summary;
  CommandBody (*declare)(CLI::App& app);
};

}  // namespace weir::cli
