#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/status.h"

namespace weir::launcher {

/// Everything a served ClickHouse needs to know.
struct ServeOptions {
  std::filesystem::path library;          ///< libchdb.so.
  std::filesystem::path path;             ///< Folder of the data, made if missing; one server at a time.
  std::string listen_host = "127.0.0.1";  ///< Address of both listeners.
  uint16_t http_port = 0;                 ///< 1..65535; the engine cannot report a port it chose itself.
  uint16_t tcp_port = 0;                  ///< 1..65535, native protocol.
  std::filesystem::path config;           ///< ClickHouse configuration file; empty: the engine's defaults.
  bool die_with_parent = false;           ///< SIGKILL for us when the thread that started us ends.
};

/// Serves until SIGTERM or SIGINT, then stops in order: listeners, running queries, tables. A second signal, or a stop
/// that takes longer than 20 s, ends the process at once with exit code 1, which the data survives.
/// Requires: called from the main thread before any other thread exists (it sets the signal mask for all).
/// kNotFound, kInvalidArgument: no usable engine. kUnavailable: the engine gave up by itself, e.g. a port is taken or
/// another server holds the folder; the message is the engine's.
[[nodiscard]] Status serve(const ServeOptions& options);

}  // namespace weir::launcher
