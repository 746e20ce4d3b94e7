#include "nats/embedded_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

namespace weir::nats {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kStopPatience{10'000};

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

bool is_program(const fs::path& path) {
  return !path.empty() && ::access(path.c_str(), X_OK) == 0 && !fs::is_directory(path);
}

/// A string of nats-server's configuration language.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

bool accepts_clients(int port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool greeted = false;
  if (::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
    char greeting[5] = {};
    greeted = ::poll(&readable, 1, 1'000) > 0 && ::recv(socket, greeting, 4, MSG_WAITALL) == 4 &&
              std::strcmp(greeting, "INFO") == 0;
  }
  ::close(socket);
  return greeted;
}

}  // namespace

Result<fs::path> find_server_binary(const fs::path& cache) {
  const std::string chosen = environment("WEIR_NATS_SERVER");
  if (!chosen.empty()) {
    if (is_program(chosen)) return fs::path(chosen);
    return not_found("WEIR_NATS_SERVER is set to " + chosen + ", which is not a program");
  }
  const fs::path cached = (cache.empty() ? cache_folder() : cache) / "venv" / "bin" / "nats-server";
  if (is_program(cached)) return cached;
  std::istringstream folders(environment("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');) {
    if (const fs::path candidate = fs::path(folder) / "nats-server"; is_program(candidate)) return candidate;
  }
  return not_found("no nats-server: WEIR_NATS_SERVER is not set, " + cached.string() +
                   " is not there, and PATH has none; run tools/bootstrap.sh or install nats-server");
}

Result<std::unique_ptr<EmbeddedServer>> EmbeddedServer::start(EmbeddedServerOptions options) {
  fs::path binary = options.binary;
  if (binary.empty()) {
    WEIR_ASSIGN_OR_RETURN(binary, find_server_binary());
  }
  std::error_code error;
  fs::create_directories(options.folder, error);
  if (error) return invalid_argument("cannot make the folder " + options.folder.string() + ": " + error.message());
  options.folder = fs::absolute(options.folder, error);
  std::unique_ptr<EmbeddedServer> server(new EmbeddedServer(std::move(options), std::move(binary)));
  WEIR_RETURN_IF_ERROR(server->launch());
  return server;
}

EmbeddedServer::~EmbeddedServer() { stop(); }

Status EmbeddedServer::restart() { return launch(); }

Status EmbeddedServer::write_config() const {
  const fs::path path = options_.folder / "server.conf";
  std::ofstream config(path, std::ios::trunc);
  config << "listen: \"127.0.0.1:" << (port_ == 0 ? -1 : port_) << "\"\n"
         << "server_name: weir_embedded\n"
         << "max_payload: " << options_.max_payload_bytes << "\n"
         << "max_pending: " << std::max<int64_t>(64 << 20, 2 * options_.max_payload_bytes) << "\n"
         << "ports_file_dir: " << quoted(options_.folder.string()) << "\n"
         << "jetstream { store_dir: " << quoted(store_folder().string()) << " }\n";
  if (!options_.user.empty()) {
    config << "authorization { user: " << quoted(options_.user) << ", password: " << quoted(options_.password)
           << " }\n";
  }
  config << options_.extra_config << "\n";
  config.close();
  // It may hold a password.
  std::error_code error;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  if (!config || error) return invalid_argument("cannot write " + path.string());
  return ok_status();
}

Status EmbeddedServer::launch() {
  if (process_ != nullptr) return internal_error("the embedded NATS server runs already");
  WEIR_RETURN_IF_ERROR(write_config());
  WEIR_ASSIGN_OR_RETURN(process_, ChildProcess::start({.program = binary_,
                                                       .arguments = {"-c", (options_.folder / "server.conf").string()},
                                                       .log = options_.folder / "server.log"}));
  Status ready = wait_ready();
  if (!ready.ok()) kill();
  return ready;
}

fs::path EmbeddedServer::ports_file() const {
  return options_.folder / (binary_.filename().string() + "_" + std::to_string(process_->pid()) + ".ports");
}

int EmbeddedServer::read_ports_file() const {
  std::ifstream file(ports_file());
  const auto ports = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer first_url("/nats/0");
  if (!ports.is_object() || !ports.contains(first_url) || !ports.at(first_url).is_string()) return 0;
  const std::string url = ports.at(first_url).get<std::string>();
  return std::atoi(url.c_str() + url.rfind(':') + 1);
}

Status EmbeddedServer::wait_ready() {
  const auto deadline = steady_clock::now() + options_.ready_timeout;
  while (steady_clock::now() < deadline) {
    if (!process_->running()) return unavailable("nats-server ended at once: " + process_->log_tail());
    // Written when the server listens; it names the port also when that was given.
    const int port = read_ports_file();
    if (port != 0 && accepts_clients(port)) {
      port_ = port;
      return ok_status();
    }
    // The server tells nobody when it is ready; its ports file and its greeting are asked for at short intervals.
    std::this_thread::sleep_for(milliseconds(10));
  }
  return unavailable("nats-server was not ready within " + std::to_string(options_.ready_timeout.count()) +
                     " ms: " + process_->log_tail());
}

void EmbeddedServer::stop() { end([](ChildProcess& process) { process.stop(kStopPatience); }); }

void EmbeddedServer::kill() { end([](ChildProcess& process) { process.kill(); }); }

void EmbeddedServer::end(const std::function<void(ChildProcess&)>& how) {
  if (process_ == nullptr) return;
  const fs::path ports = ports_file();
  how(*process_);
  process_.reset();
  std::error_code ignored;
  fs::remove(ports, ignored);
}

}  // namespace weir::nats
