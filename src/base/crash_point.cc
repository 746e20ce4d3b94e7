#include "base/crash_point.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string>

namespace weir {
namespace {

struct Trap {
  std::string name;
  int nth = 1;
  int signal = 0;
  std::atomic<int> passed{0};

  Trap(const char* variable, int signal_number) : signal(signal_number) {
    const char* text = std::getenv(variable);
    if (text == nullptr) return;
    name = text;
    if (const auto colon = name.find(':'); colon != std::string::npos) {
      nth = std::atoi(name.c_str() + colon + 1);
      name.resize(colon);
    }
  }

  void pass(std::string_view at) {
    if (at == name && ++passed == nth) std::raise(signal);
  }
};

}  // namespace

void crash_point(std::string_view name) {
  static Trap crash("WEIR_CRASH_POINT", SIGKILL);
  static Trap pause("WEIR_PAUSE_POINT", SIGSTOP);
  if (!crash.name.empty()) crash.pass(name);
  if (!pause.name.empty()) pause.pass(name);
}

}  // namespace weir
