#include "cli/signals.h"

#include <csignal>

namespace weir::cli {
namespace {

// The one piece of state a signal handler may touch.
volatile std::sig_atomic_t stop_came = 0;

void note_stop(int signal) {
  stop_came = 1;
  std::signal(signal, SIG_DFL);
}

}  // namespace

void catch_stop_signals() {
  std::signal(SIGINT, note_stop);
  std::signal(SIGTERM, note_stop);
  std::signal(SIGPIPE, SIG_IGN);
}

bool stop_signal_came() { return stop_came != 0; }

}  // namespace weir::cli
