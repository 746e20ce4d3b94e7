#include "clickhouse/embedded_server.h"

#include <chrono>
#include <cstdlib>
#include <thread>

#include "clickhouse/client.h"

namespace weir::clickhouse {

Result<std::filesystem::path> find_server_binary() {
  if (const char* named = std::getenv("WEIR_CLICKHOUSE_SERVER"); named != nullptr) return std::filesystem::path(named);
  std::error_code error;
  const auto beside = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  for (const auto& folder : {beside, beside.parent_path()}) {
    if (std::filesystem::exists(folder / "weir-clickhouse", error)) return folder / "weir-clickhouse";
  }
  return not_found("no weir-clickhouse beside this program (" + beside.string() +
                   "); build it, or name it in WEIR_CLICKHOUSE_SERVER");
}

Result<std::unique_ptr<EmbeddedServer>> EmbeddedServer::start(EmbeddedServerOptions options) {
  if (options.binary.empty()) {
    WEIR_ASSIGN_OR_RETURN(options.binary, find_server_binary());
  }
  std::error_code error;
  std::filesystem::create_directories(options.folder, error);
  if (error) return permission_denied("cannot make " + options.folder.string() + ": " + error.message());
  std::unique_ptr<EmbeddedServer> server(new EmbeddedServer(std::move(options)));
  WEIR_RETURN_IF_ERROR(server->launch());
  return server;
}

Status EmbeddedServer::restart() { return launch(); }

Status EmbeddedServer::launch() {
  // The engine cannot report a port it chose, so ports are chosen here and somebody may be faster: hence the attempts.
  Status last_error;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (options_.http_port == 0 && (http_port_ == 0 || attempt > 0)) {
      WEIR_ASSIGN_OR_RETURN(http_port_, free_port());
    }
    WEIR_ASSIGN_OR_RETURN(const int tcp_port, free_port());
    WEIR_ASSIGN_OR_RETURN(
        process_, ChildProcess::start({.program = options_.binary,
                                       .arguments = {"--path", std::filesystem::absolute(options_.folder / "data"),
                                                     "--http-port", std::to_string(http_port_), "--tcp-port",
                                                     std::to_string(tcp_port), "--die-with-parent"},
                                       .log = options_.folder / "clickhouse.log"}));
    Options options;
    options.url = url();
    options.connect_timeout = std::chrono::milliseconds(500);
    WEIR_ASSIGN_OR_RETURN(const auto client, Client::open(options));
    const auto deadline = std::chrono::steady_clock::now() + options_.ready_timeout;
    while (process_->running() && std::chrono::steady_clock::now() < deadline) {
      if (client->ping().ok()) return ok_status();
      std::this_thread::sleep_for(std::chrono::milliseconds(30));
    }
    last_error = unavailable("the embedded ClickHouse did not come up: " + process_->log_tail());
    process_->kill();
  }
  return last_error;
}

}  // namespace weir::clickhouse
