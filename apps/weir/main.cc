#include <malloc.h>

#include <algorithm>
#include <thread>

#include "cli/run.h"

namespace {

// glibc lets threads spread over eight arenas a core, and what one of them has freed is of no use to the others: 70 MB of 390
// in a backfill with 50 threads on two cores.
void bound_malloc_arenas() {
  const auto cores = static_cast<int>(std::thread::hardware_concurrency());
  mallopt(M_ARENA_MAX, std::max(2 * cores, 4));
}

}  // namespace

int main(int argc, char** argv) {
  bound_malloc_arenas();
  return weir::cli::run(argc, argv);
}
