// Serves the embedded ClickHouse, or passes arguments through to `clickhouse local`. See README.md beside this file.

#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "weir-clickhouse/engine_library.h"
#include "weir-clickhouse/serve.h"
#include "weir-clickhouse/server_config.h"

namespace {

constexpr int kExitDone = 0;
constexpr int kExitFailed = 1;
constexpr int kExitUsage = 2;

int fail(const weir::Status& status) {
  std::cerr << "weir-clickhouse: " << status.message() << std::endl;
  return status.code() == weir::StatusCode::kInvalidArgument ? kExitUsage : kExitFailed;
}

std::string default_library() {
  const char* from_environment = getenv("WEIR_CLICKHOUSE_LIBRARY");
  return from_environment != nullptr ? from_environment : WEIR_CLICKHOUSE_LIBRARY_DEFAULT;
}

int run_local(const std::vector<std::string>& arguments) {
  auto engine = weir::launcher::EngineLibrary::open(default_library());
  if (!engine.ok()) return fail(engine.status());
  const weir::launcher::EngineOutcome outcome = engine->run_with_errors(arguments);
  std::cout.write(outcome.output.data(), static_cast<std::streamsize>(outcome.output.size())).flush();
  if (outcome.error.empty()) return kExitDone;
  std::cerr << outcome.error << std::endl;
  return kExitFailed;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "local") return run_local({argv + 2, argv + argc});

  weir::launcher::ServeOptions options;
  options.library = default_library();
  weir::launcher::ServerUser user;
  CLI::App app(
      "Serves the embedded ClickHouse over HTTP and the native protocol until SIGTERM.\n"
      "`weir-clickhouse local ARGUMENTS` passes ARGUMENTS to `clickhouse local` instead.");
  app.add_option("--path", options.path, "folder of the data, made if missing")->required();
  app.add_option("--http-port", options.http_port, "port of the HTTP interface")
      ->required()
      ->check(CLI::Range(1, 65535));
  app.add_option("--tcp-port", options.tcp_port, "port of the native protocol")
      ->required()
      ->check(CLI::Range(1, 65535));
  app.add_option("--listen-host", options.listen_host, "address to listen on")->capture_default_str();
  auto* config = app.add_option("--config", options.config, "ClickHouse configuration file")->check(CLI::ExistingFile);
  auto* name = app.add_option("--user", user.name, "the one user, instead of `default` without a password");
  auto* password = app.add_option("--password-env", user.password_env, "environment variable with the user's password");
  name->needs(password)->excludes(config);
  password->needs(name);
  app.add_option("--library", options.library, "libchdb.so (environment: WEIR_CLICKHOUSE_LIBRARY)");
  app.add_flag("--die-with-parent", options.die_with_parent, "end when the process that started this one ends");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitDone : kExitUsage;
  }

  if (options.config.empty()) {
    auto written = weir::launcher::write_server_config(std::filesystem::absolute(options.path) / "launcher", user);
    if (!written.ok()) return fail(written.status());
    options.config = *written;
  }
  const weir::Status status = weir::launcher::serve(options);
  return status.ok() ? kExitDone : fail(status);
}
