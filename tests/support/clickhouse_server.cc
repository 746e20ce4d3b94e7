#include "tests/support/clickhouse_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>
#include <vector>

#include "clickhouse/client.h"

namespace weir::test {
namespace {

constexpr const char* kLibrary = WEIR_CACHE_DIR "/npm/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";
constexpr std::chrono::seconds kReadyMax{60};

// The query that keeps the engine serving until it is killed.
constexpr const char* kServe =
    "--query=SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP; SELECT sleepEachRow(1) FROM system.numbers SETTINGS "
    "function_sleep_max_microseconds_per_block=0, max_block_size=1 FORMAT Null";

// The engine's own session runs as "default" and counts as coming from ::1; clients are "weir".
constexpr const char* kUsers =
    "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users>"
    "<default><no_password/><networks><ip>::1</ip></networks><profile>default</profile><quota>default</quota></default>"
    "<weir><password>secret</password><networks><ip>::/0</ip></networks><profile>default</profile>"
    "<quota>default</quota><access_management>1</access_management></weir>"
    "<reader><password>secret</password><networks><ip>::/0</ip></networks><profile>default</profile>"
    "<quota>default</quota><grants><query>GRANT SELECT ON *.*</query></grants></reader></users></clickhouse>";

int free_port() {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (::bind(listener, generic, length) != 0 || ::getsockname(listener, generic, &length) != 0) {
    throw std::runtime_error("no free port");
  }
  ::close(listener);
  return ntohs(address.sin_port);
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

ClickHouseServer::ClickHouseServer() : http_port_(free_port()), tcp_port_(free_port()) {
  std::string name = (std::filesystem::temp_directory_path() / "weir_clickhouse_XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("cannot make " + name);
  folder_ = name;
  std::filesystem::create_directories(folder_ / "data");
  write_configuration();
  launch();
}

ClickHouseServer::~ClickHouseServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void ClickHouseServer::write_configuration() const {
  std::ofstream(folder_ / "users.xml") << kUsers;
  std::ofstream(folder_ / "config.xml") << "<clickhouse><users_config>" << (folder_ / "users.xml").string()
                                        << "</users_config><mark_cache_size>67108864</mark_cache_size></clickhouse>";
}

void ClickHouseServer::launch() {
  std::vector<std::string> arguments{WEIR_TEST_CLICKHOUSE,
                                     kLibrary,
                                     "--config-file=" + (folder_ / "config.xml").string(),
                                     "--path=" + (folder_ / "data").string(),
                                     "--listen_host=127.0.0.1",
                                     "--http_port=" + std::to_string(http_port_),
                                     "--tcp_port=" + std::to_string(tcp_port_),
                                     kServe};
  std::vector<char*> raw;
  for (std::string& argument : arguments) raw.push_back(argument.data());
  raw.push_back(nullptr);
  const std::string log = (folder_ / "log").string();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    // From here to exec only calls that are safe after a fork.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, 0);
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(file, STDOUT_FILENO);
    ::dup2(file, STDERR_FILENO);
    ::execv(raw[0], raw.data());
    ::_exit(127);
  }
  wait_until_it_answers();
}

void ClickHouseServer::wait_until_it_answers() {
  auto client = clickhouse::Client::open(options());
  if (!client.ok()) throw std::runtime_error(client.status().to_string());
  const auto deadline = std::chrono::steady_clock::now() + kReadyMax;
  while (!(*client)->ping().ok()) {
    int status = 0;
    const bool ended = ::waitpid(pid_, &status, WNOHANG) == pid_;
    if (ended) pid_ = -1;
    if (ended || std::chrono::steady_clock::now() > deadline) {
      throw std::runtime_error("ClickHouse does not start: " + read_file(folder_ / "log"));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // between two looks, not instead of one
  }
}

void ClickHouseServer::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void ClickHouseServer::freeze() { ::kill(pid_, SIGSTOP); }

void ClickHouseServer::thaw() { ::kill(pid_, SIGCONT); }

void ClickHouseServer::restart() {
  kill();
  std::filesystem::remove(folder_ / "data" / "status");  // The lock of the killed one.
  launch();
}

std::string ClickHouseServer::url() const { return "http://127.0.0.1:" + std::to_string(http_port_); }

clickhouse::Options ClickHouseServer::options() const {
  clickhouse::Options options;
  options.url = url();
  options.database = "weir_test";
  options.user = "weir";
  options.password = "secret";
  return options;
}

}  // namespace weir::test
