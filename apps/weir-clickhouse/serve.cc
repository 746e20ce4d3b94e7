#include "weir-clickhouse/serve.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <iostream>
#include <thread>
#include <vector>

#include "weir-clickhouse/engine_library.h"

namespace weir::launcher {
namespace {

constexpr std::chrono::milliseconds kStopTimeout{20'000};
constexpr std::string_view kStartListening = "SYSTEM START LISTEN HTTP; SYSTEM START LISTEN TCP;";

// A descriptor that is closed with its owner. Not copied, not moved.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close_now(); }

  [[nodiscard]] int get() const { return fd_; }
  void close_now() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }

 private:
  int fd_;
};

Status system_error(const std::string& what) { return internal_error(what + ": " + std::strerror(errno)); }

// The engine runs its query files one after the other and then ends in order. The first file opens the listeners; the
// second is a pipe that ends when we close it. So the engine neither polls nor needs a right to wait.
struct QueryFiles {
  Descriptor start;
  Descriptor hold_read;
  Descriptor hold_write;

  [[nodiscard]] std::vector<std::string> arguments() const {
    return {"--queries-file", "/proc/self/fd/" + std::to_string(start.get()),
            "/proc/self/fd/" + std::to_string(hold_read.get())};
  }
};

Status write_start_file(int fd) {
  const auto size = static_cast<ssize_t>(kStartListening.size());
  if (write(fd, kStartListening.data(), kStartListening.size()) != size)
    return system_error("cannot write a query file");
  return ok_status();
}

std::vector<std::string> engine_arguments(const ServeOptions& options, const QueryFiles& files) {
  std::vector<std::string> arguments;
  if (!options.config.empty())
    arguments.push_back("--config-file=" + std::filesystem::absolute(options.config).string());
  arguments.push_back("--path=" + std::filesystem::absolute(options.path).string());
  arguments.push_back("--listen_host=" + options.listen_host);
  arguments.push_back("--http_port=" + std::to_string(options.http_port));
  arguments.push_back("--tcp_port=" + std::to_string(options.tcp_port));
  for (std::string& argument : files.arguments()) arguments.push_back(std::move(argument));
  return arguments;
}

enum class Wake { kSignal, kEngineEnded, kTimeout };

Wake wait_for(int signals, int ended, int timeout_ms) {
  std::array<pollfd, 2> watched{
      {{.fd = signals, .events = POLLIN, .revents = 0}, {.fd = ended, .events = POLLIN, .revents = 0}}};
  int ready = 0;
  do {
    ready = poll(watched.data(), watched.size(), timeout_ms);
  } while (ready < 0 && errno == EINTR);
  if (watched[1].revents != 0) return Wake::kEngineEnded;
  if (watched[0].revents == 0) return Wake::kTimeout;
  signalfd_siginfo taken{};
  [[maybe_unused]] const ssize_t size = read(signals, &taken, sizeof(taken));
  return Wake::kSignal;
}

// Nobody is left to wait for an orderly end, and a restarted parent wants the folder at once: hence SIGKILL.
Status tie_to_parent() {
  const pid_t parent = getppid();
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return system_error("cannot tie the server to its parent");
  if (getppid() != parent) return shutting_down("the parent ended during the start");
  return ok_status();
}

}  // namespace

Status serve(const ServeOptions& options) {
  if (options.die_with_parent) WEIR_RETURN_IF_ERROR(tie_to_parent());
  std::error_code failure;
  std::filesystem::create_directories(options.path, failure);
  if (failure) return permission_denied("cannot make " + options.path.string() + ": " + failure.message());

  // Blocked before the engine's threads exist, so that none of them takes the signal.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  Descriptor signals(signalfd(-1, &stop_signals, SFD_CLOEXEC));
  Descriptor ended(eventfd(0, EFD_CLOEXEC));
  std::array<int, 2> hold{-1, -1};
  const bool piped = pipe(hold.data()) == 0;
  QueryFiles files{.start = Descriptor(memfd_create("start-listening", 0)),
                   .hold_read = Descriptor(hold[0]),
                   .hold_write = Descriptor(hold[1])};
  if (signals.get() < 0 || ended.get() < 0 || !piped || files.start.get() < 0) return system_error("no descriptors");
  WEIR_RETURN_IF_ERROR(write_start_file(files.start.get()));
  WEIR_ASSIGN_OR_RETURN(const EngineLibrary engine, EngineLibrary::open(options.library));

  EngineOutcome outcome;
  std::jthread engine_thread([&] {
    outcome = engine.run(engine_arguments(options, files));
    eventfd_write(ended.get(), 1);
  });
  const bool stopped_by_signal = wait_for(signals.get(), ended.get(), -1) == Wake::kSignal;
  if (stopped_by_signal) {
    files.hold_write.close_now();
    if (wait_for(signals.get(), ended.get(), static_cast<int>(kStopTimeout.count())) != Wake::kEngineEnded) {
      std::cerr << "weir-clickhouse: ended without an orderly stop" << std::endl;
      _exit(1);
    }
  }
  engine_thread.join();
  if (!outcome.error.empty()) return unavailable(outcome.error);
  if (!stopped_by_signal) return unavailable("the engine ended by itself; its own message is above");
  return ok_status();
}

}  // namespace weir::launcher
