#include "nats/embedded_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
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

fs::path default_cache() {
  if (const std::string xdg = environment("XDG_CACHE_HOME"); !xdg.empty()) return fs::path(xdg) / "weir";
  if (const std::string home = environment("HOME"); !home.empty()) return fs::path(home) / ".cache" / "weir";
  return {};
}

/// A string of nats-server's configuration language.
std::string quoted(const std::string& text) { return nlohmann::json(text).dump(); }

/// Waits until the process ends, at most `timeout`, without reaping it. True when it has.
bool wait_for_end(pid_t pid, milliseconds timeout) {
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return errno == ESRCH;
  pollfd ended{.fd = descriptor, .events = POLLIN, .revents = 0};
  const int count = ::poll(&ended, 1, static_cast<int>(timeout.count()));
  ::close(descriptor);
  return count > 0;
}

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

/// Between fork and exec: only calls that are safe there.
[[noreturn]] void become(const char* const* arguments, int log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], const_cast<char* const*>(arguments));
  ::_exit(127);
}

}  // namespace

Result<fs::path> find_server_binary(const fs::path& cache) {
  const std::string chosen = environment("WEIR_NATS_SERVER");
  if (!chosen.empty()) {
    if (is_program(chosen)) return fs::path(chosen);
    return not_found("WEIR_NATS_SERVER is set to " + chosen + ", which is not a program");
  }
  const fs::path cached = (cache.empty() ? default_cache() : cache) / "venv" / "bin" / "nats-server";
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
  if (pid_ > 0) return internal_error("the embedded NATS server runs already");
  WEIR_RETURN_IF_ERROR(write_config());
  const std::string log_path = (options_.folder / "server.log").string();
  const int log = ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (log < 0) return invalid_argument("cannot write " + log_path + ": " + std::strerror(errno));
  const std::string binary = binary_.string();
  const std::string config = (options_.folder / "server.conf").string();
  const char* const arguments[] = {binary.c_str(), "-c", config.c_str(), nullptr};
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) become(arguments, log, parent);
  ::close(log);
  if (child < 0) return resource_exhausted(std::string("cannot start nats-server: ") + std::strerror(errno));
  pid_ = child;
  Status ready = wait_ready();
  if (!ready.ok()) kill();
  return ready;
}

int EmbeddedServer::read_ports_file() const {
  std::ifstream file(options_.folder / (binary_.filename().string() + "_" + std::to_string(pid_) + ".ports"));
  const auto ports = nlohmann::json::parse(file, nullptr, /*allow_exceptions=*/false);
  const nlohmann::json::json_pointer first_url("/nats/0");
  if (!ports.is_object() || !ports.contains(first_url) || !ports.at(first_url).is_string()) return 0;
  const std::string url = ports.at(first_url).get<std::string>();
  return std::atoi(url.c_str() + url.rfind(':') + 1);
}

Status EmbeddedServer::wait_ready() {
  const auto deadline = steady_clock::now() + options_.ready_timeout;
  while (steady_clock::now() < deadline) {
    // The server tells nobody when it is ready; its ports file and its greeting are asked for at short intervals, which
    // end early when the process does.
    if (wait_for_end(pid_, milliseconds(10))) {
      reap();
      return unavailable("nats-server ended at once: " + log_tail());
    }
    // Written when the server listens; it names the port also when that was given.
    const int port = read_ports_file();
    if (port != 0 && accepts_clients(port)) {
      port_ = port;
      return ok_status();
    }
  }
  return unavailable("nats-server was not ready within " + std::to_string(options_.ready_timeout.count()) +
                     " ms: " + log_tail());
}

std::string EmbeddedServer::log_tail() const {
  std::ifstream file(options_.folder / "server.log");
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  constexpr size_t kTailBytes = 1'000;
  return text.size() <= kTailBytes ? text : "..." + text.substr(text.size() - kTailBytes);
}

void EmbeddedServer::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGTERM);
  if (!wait_for_end(pid_, kStopPatience)) ::kill(pid_, SIGKILL);
  reap();
}

void EmbeddedServer::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  reap();
}

void EmbeddedServer::reap() {
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  std::error_code ignored;
  fs::remove(options_.folder / (binary_.filename().string() + "_" + std::to_string(pid_) + ".ports"), ignored);
  pid_ = -1;
}

}  // namespace weir::nats
