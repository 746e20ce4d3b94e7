#include "cli/signals.h"

#include <csignal>

namespace weir::cli {
namespace {

// The only state that signal handlers touch.
volatile std::sig_atomic_t stop_came = 0;
volatile std::sig_atomic_t reload_came = 0;

void note_stop(int signal) {
  stop_came = 1;
  std::signal(signal, SIG_DFL);
}

void note_reload(int) { reload_came = 1; }

}  // namespace

void catch_stop_signals() {
  std::signal(SIGINT, note_stop);
  std::signal(SIGTERM, note_stop);
  std::signal(SIGPIPE, SIG_IGN);
}

bool stop_signal_came() { return stop_came != 0; }

void catch_reload_signal() { std::signal(SIGHUP, note_reload); }

bool take_reload_signal() {
  if (reload_came == 0) return false;
  reload_came = 0;
  return true;
}

}  // namespace weir::cli
