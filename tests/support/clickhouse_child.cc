// Serves the ClickHouse engine that libchdb.so holds: `weir_test_clickhouse LIBRARY ARGUMENT..` is clickhouse-local
// with these arguments. A program of its own, so that tests can kill it, and so that it may map 600 MB without forking
// a test.

#include <dlfcn.h>
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <vector>

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc < 2) return 2;
  void* library = ::dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", ::dlerror());
    return 2;
  }
  using RunCommandLine = void* (*)(int, char**);
  const auto run = reinterpret_cast<RunCommandLine>(::dlsym(library, "chdb_query_cmdline"));
  if (run == nullptr) return 2;
  std::vector<char*> arguments(argv + 1, argv + argc);
  arguments.push_back(nullptr);
  run(argc - 1, arguments.data());
  return 1;  // It serves until it is killed.
}
