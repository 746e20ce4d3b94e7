#include "process/child_process.h"

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
#include <sstream>
#include <utility>

namespace weir {
namespace {

constexpr size_t kLogTailBytes = 2'000;

// Between fork and exec: only calls that are safe there.
[[noreturn]] void become(char* const* arguments, int log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // It died before the line above.
  ::dup2(log, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execv(arguments[0], arguments);
  ::_exit(127);
}

// True when the process has ended; it is not reaped.
bool ended_within(pid_t pid, std::chrono::milliseconds patience) {
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return errno == ESRCH;
  pollfd ended{.fd = descriptor, .events = POLLIN, .revents = 0};
  const int count = ::poll(&ended, 1, static_cast<int>(patience.count()));
  ::close(descriptor);
  return count > 0;
}

}  // namespace

Result<std::unique_ptr<ChildProcess>> ChildProcess::start(const ChildProcessOptions& options) {
  if (::access(options.program.c_str(), X_OK) != 0) {
    return not_found("no program at " + options.program.string() + ": " + std::strerror(errno));
  }
  std::error_code error;
  std::filesystem::create_directories(options.log.parent_path(), error);
  const int log = ::open(options.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0) return permission_denied("cannot write " + options.log.string() + ": " + std::strerror(errno));
  std::vector<std::string> words{options.program.string()};
  words.insert(words.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) become(pointers.data(), log, parent);
  ::close(log);
  if (pid < 0) return resource_exhausted(std::string("cannot start a process: ") + std::strerror(errno));
  return std::unique_ptr<ChildProcess>(new ChildProcess(pid, options.log));
}

ChildProcess::~ChildProcess() { stop(std::chrono::seconds(10)); }

void ChildProcess::stop(std::chrono::milliseconds patience) {
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  ended_within(pid_, patience);
  kill();
}

void ChildProcess::kill() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

bool ChildProcess::running() { return pid_ >= 0 && !ended_within(pid_, std::chrono::milliseconds(0)); }

std::string ChildProcess::log_tail() const {
  std::ifstream file(log_, std::ios::binary | std::ios::ate);
  if (!file) return "";
  const auto size = static_cast<size_t>(std::max<std::streamoff>(0, file.tellg()));
  std::string text(std::min(size, kLogTailBytes), '\0');
  file.seekg(static_cast<std::streamoff>(size - text.size()));
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  return text;
}

Result<int> free_port() {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return resource_exhausted(std::string("no socket: ") + std::strerror(errno));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  const bool bound = ::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
                     ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) == 0;
  ::close(socket);
  if (!bound) return resource_exhausted(std::string("no free port: ") + std::strerror(errno));
  return ntohs(address.sin_port);
}

std::filesystem::path cache_folder() {
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg != nullptr && *xdg != '\0') {
    return std::filesystem::path(xdg) / "weir";
  }
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    return std::filesystem::path(home) / ".cache" / "weir";
  }
  return {};
}

}  // namespace weir
