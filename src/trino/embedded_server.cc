#include "trino/embedded_server.h"

#include <cstdlib>
#include <thread>
#include <utility>

#include "trino/client.h"

namespace weir::trino {
namespace {

constexpr std::chrono::milliseconds kPoll{200};

Status wait_until_ready(ChildProcess& process, const std::string& url, std::chrono::milliseconds patience) {
  WEIR_ASSIGN_OR_RETURN(const auto client, Client::open({.url = url}));
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto info = client->info();
    if (info.ok() && !info->starting) return ok_status();
    if (!process.running()) return unavailable("Trino ended; the end of its log:\n" + process.log_tail());
    std::this_thread::sleep_for(kPoll);
  }
  return unavailable("Trino is not ready after " + std::to_string(patience.count() / 1000) + " s; the end of its log:\n" +
                     process.log_tail());
}

}  // namespace

Result<std::filesystem::path> find_launcher() {
  if (const char* named = std::getenv("WEIR_TRINO_SERVER"); named != nullptr && *named != '\0') return std::filesystem::path(named);
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  if (std::filesystem::exists(beside / "weir-trino", error)) return beside / "weir-trino";
  return not_found("no weir-trino beside this program (" + beside.string() + "), and WEIR_TRINO_SERVER names none");
}

Result<std::unique_ptr<EmbeddedServer>> EmbeddedServer::start(const EmbeddedServerOptions& options) {
  std::filesystem::path launcher = options.launcher;
  if (launcher.empty()) {
    WEIR_ASSIGN_OR_RETURN(launcher, find_launcher());
  }
  const std::string port = std::to_string(options.port);
  WEIR_ASSIGN_OR_RETURN(auto process,
                        ChildProcess::start({.program = "/usr/bin/env",
                                             .arguments = {"WEIR_CLICKHOUSE_ADDRESS=" + options.clickhouse_address,
                                                           launcher.string(), "run", options.folder.string(), "--port", port},
                                             .log = options.folder / "run" / "server.log"}));
  WEIR_RETURN_IF_ERROR(wait_until_ready(*process, "http://127.0.0.1:" + port, options.ready_timeout));
  return std::unique_ptr<EmbeddedServer>(new EmbeddedServer(std::move(process)));
}

}  // namespace weir::trino
